//! What can go wrong, and how callers are told.

use std::time::Duration;

use chassis::{ErrorCode, Failure, FieldViolation};

use crate::access::Refused;

/// A failure of an operation of identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API client is unknown, disabled, or its secret is wrong.
    #[error("the credentials of the API client are wrong")]
    ClientCredentials,
    /// The bearer token is none, forged, expired or void.
    #[error("the bearer token is not valid")]
    BearerToken,
    /// The login failed, for whatever cause.
    #[error("address or password is wrong")]
    Login,
    /// There were too many tries; the next one may come after this.
    #[error("there were too many tries; come back later")]
    TooManyTries(Duration),
    /// Nobody has the address.
    #[error("nobody has the address")]
    NoSuchAddress,
    /// There is no such user, or the caller may not know of it.
    #[error("there is no such user")]
    NoSuchUser,
    /// The link is unknown, used or expired.
    #[error("there is no such link")]
    NoSuchLink,
    /// The login is too long ago for what is asked.
    #[error("this takes a login of the last minutes")]
    SessionNotFresh,
    /// The service is unknown or its secret is wrong.
    #[error("the credentials of the service are wrong")]
    ServiceCredentials,
    /// Somebody else calls than who may.
    #[error("this is not for the caller")]
    Forbidden,
    /// Fields are wrong.
    #[error("the input is wrong")]
    Invalid(Vec<FieldViolation>),
    /// Another user has the address.
    #[error("the address belongs to another user")]
    EmailTaken,
    /// Another API client has the public name.
    #[error("the public name belongs to another API client")]
    ConsumoTaken,
    /// The system is unknown, switched off, or its secret is wrong.
    #[error("the credentials of the system are wrong")]
    SystemCredentials,
    /// The token that hands a user over is none, used, expired or for somebody else.
    #[error("the token is not valid")]
    HandoverToken,
    /// No active internal user has the login.
    #[error("no active internal user has the login")]
    NoSuchInternalUser,
    /// Another active internal user has the Synology id.
    #[error("another active internal user has the Synology id")]
    SynologyIdTaken,
    /// There is no such API client.
    #[error("there is no such API client")]
    NoSuchClient,
    /// The user has no picture.
    #[error("the user has no picture")]
    NoPicture,
    /// The key of a service's creation came with other values before.
    #[error("the idempotency key was used with other values")]
    KeyReused,
    /// The key of a request.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// A picture is larger than pictures may be.
    #[error("the picture is too large")]
    PictureTooLarge,
    /// The store of pictures does not answer as it should.
    #[error("the store of pictures does not answer; try again")]
    Store(#[source] object_store::Error),
    /// More passwords wait to be checked than can be in time.
    #[error("too many passwords wait to be checked; try again")]
    Busy,
    /// A replica that checks tokens neither applied a revocation nor lost its
    /// lease in time; the change itself is made.
    #[error("not every replica has applied the change yet; try again")]
    NotSettled,
    /// The lease ended before it was renewed.
    #[error("the lease has ended; watch the log anew")]
    LeaseExpired,
    /// The database does not answer.
    #[error("the database does not answer; try again")]
    Database(#[source] sqlx::Error),
    /// The database refused what it should not have.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// A cryptographic operation failed that cannot, or a stored value is broken.
    #[error("{0} failed")]
    Crypto(&'static str),
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::ClientCredentials
            | Self::BearerToken
            | Self::Login
            | Self::ServiceCredentials
            | Self::SystemCredentials
            | Self::HandoverToken => ErrorCode::Unauthenticated,
            Self::Forbidden => ErrorCode::PermissionDenied,
            Self::Invalid(_) => ErrorCode::InvalidInput,
            Self::EmailTaken | Self::ConsumoTaken | Self::KeyReused | Self::SynologyIdTaken => {
                ErrorCode::AlreadyExists
            }
            Self::NoSuchClient
            | Self::NoSuchAddress
            | Self::NoSuchUser
            | Self::NoSuchLink
            | Self::NoSuchInternalUser
            | Self::NoPicture => ErrorCode::NotFound,
            Self::Key(error) => error.code(),
            Self::TooManyTries(_) => ErrorCode::RateLimited,
            Self::SessionNotFresh | Self::LeaseExpired => ErrorCode::FailedPrecondition,
            Self::PictureTooLarge => ErrorCode::TooLarge,
            Self::Busy | Self::NotSettled | Self::Database(_) | Self::Store(_) => {
                ErrorCode::Unavailable
            }
            Self::Statement(_) | Self::Crypto(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "CLIENT_CREDENTIALS",
            Self::BearerToken => "BEARER_TOKEN",
            Self::Login => "LOGIN_CREDENTIALS",
            Self::ServiceCredentials => "SERVICE_CREDENTIALS",
            Self::Forbidden => "FORBIDDEN",
            Self::Invalid(_) => "INVALID",
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::ConsumoTaken => "CONSUMO_TAKEN",
            Self::SystemCredentials => "SYSTEM_CREDENTIALS",
            Self::HandoverToken => "HANDOVER_TOKEN",
            Self::NoSuchInternalUser => "NO_SUCH_INTERNAL_USER",
            Self::SynologyIdTaken => "SYNOLOGY_ID_TAKEN",
            Self::NoSuchClient => "NO_SUCH_CLIENT",
            Self::TooManyTries(_) => "TOO_MANY_TRIES",
            Self::NoSuchAddress => "NO_SUCH_ADDRESS",
            Self::NoSuchLink => "NO_SUCH_LINK",
            Self::NoSuchUser => "USER",
            Self::NoPicture => "PICTURE",
            Self::KeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::Key(error) => error.reason(),
            Self::SessionNotFresh => "SESSION_NOT_FRESH",
            Self::PictureTooLarge => "PICTURE_TOO_LARGE",
            Self::Store(_) => "PICTURE_STORE",
            Self::Busy => "HASHING_BUSY",
            Self::NotSettled => "NOT_SETTLED",
            Self::LeaseExpired => "LEASE_EXPIRED",
            Self::Database(_) => "DATABASE",
            Self::Statement(_) => "STATEMENT",
            Self::Crypto(_) => "CRYPTO",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(violations) => violations.clone(),
            Self::Key(error) => error.violations(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy => Some(Duration::from_secs(1)),
            Self::TooManyTries(wait) => Some(*wait),
            _ => None,
        }
    }
}

chassis::failure_into_status!(Error);

impl Error {
    /// One wrong field.
    pub(crate) fn field(field: &'static str, reason: &'static str, description: &str) -> Self {
        Self::Invalid(vec![FieldViolation {
            field,
            reason,
            description: description.to_owned(),
        }])
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Hidden => Self::NoSuchUser,
            Refused::Denied => Self::Forbidden,
        }
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match postgres::constraint::violated(&error) {
            Some("users_email") => Self::EmailTaken,
            Some("api_client_consumo") => Self::ConsumoTaken,
            Some("internal_user_synology_id") => Self::SynologyIdTaken,
            _ if postgres::constraint::is_transient(&error) => Self::Database(error),
            _ => Self::Statement(error),
        }
    }
}
