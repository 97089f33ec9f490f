//! What can go wrong, and how callers are told.

use std::time::Duration;

use chassis::{ErrorCode, Failure, FieldViolation};

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
    /// More passwords wait to be checked than can be in time.
    #[error("too many passwords wait to be checked; try again")]
    Busy,
    /// A replica that checks tokens neither applied a revocation nor lost its
    /// lease in time; the change itself is made.
    #[error("not every replica has applied the change yet; try again")]
    NotSettled,
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
            Self::EmailTaken | Self::ConsumoTaken | Self::SynologyIdTaken => {
                ErrorCode::AlreadyExists
            }
            Self::NoSuchClient | Self::NoSuchInternalUser => ErrorCode::NotFound,
            Self::Busy | Self::NotSettled | Self::Database(_) => ErrorCode::Unavailable,
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
            Self::Busy => "HASHING_BUSY",
            Self::NotSettled => "NOT_SETTLED",
            Self::Database(_) => "DATABASE",
            Self::Statement(_) => "STATEMENT",
            Self::Crypto(_) => "CRYPTO",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(violations) => violations.clone(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Busy).then_some(Duration::from_secs(1))
    }
}

chassis::failure_into_status!(Error);

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
