//! What can go wrong, and what a caller is told.

use std::time::Duration;

use chassis::{ErrorCode, Failure, FieldViolation};

/// The result of an operation.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A failure of an operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field is wrong.
    #[error("{field}: {description}")]
    Field {
        /// The field as the REST contract spells it.
        field: &'static str,
        /// Why, for machines.
        reason: &'static str,
        /// Why, for developers.
        description: String,
    },
    /// No channel of the caller's companies has that id.
    #[error("the channel does not exist")]
    UnknownChannel,
    /// No stored file has that name.
    #[error("the file does not exist")]
    UnknownFile,
    /// Another channel has that account.
    #[error("the account is connected already")]
    AccountTaken,
    /// The key of a request.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// The role of the caller does not allow it.
    #[error("the role of the caller does not allow this")]
    Forbidden,
    /// The call is for another kind of caller.
    #[error("only {0} may call this")]
    WrongCaller(&'static str),
    /// The signature of a webhook is missing, forged or of another channel.
    #[error("the signature is not that of the channel")]
    Signature,
    /// The token of a verification is not ours.
    #[error("the verify token is not ours")]
    VerifyToken,
    /// A webhook is larger than any provider's.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The provider refuses the address of our webhook.
    #[error("Telegram does not take the webhook address: {0}")]
    WebhookRefused(String),
    /// The provider wants us to wait.
    #[error("the provider asks to wait")]
    Throttled(Duration),
    /// Another service or a provider cannot be reached.
    #[error("{0} does not answer")]
    Away(&'static str),
    /// Another service has refused; its own words are passed on.
    #[error("{0}")]
    Refused(Box<tonic::Status>),
    /// A sealed secret cannot be opened: the key is gone or the row was tampered with.
    #[error("a secret of channel {0} cannot be opened")]
    Sealed(i64),
    /// The database does not answer.
    #[error("the database does not answer")]
    Database(#[source] sqlx::Error),
    /// A defect.
    #[error("{0}")]
    Defect(String),
}

impl Error {
    /// A field that is wrong.
    pub(crate) fn field(
        field: &'static str,
        reason: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self::Field {
            field,
            reason,
            description: description.into(),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match postgres::constraint::violated(&error) {
            Some("channel_account_taken") => Self::AccountTaken,
            _ if postgres::constraint::is_transient(&error) => Self::Database(error),
            _ => Self::Defect(format!("database: {error}")),
        }
    }
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Field { .. } => ErrorCode::InvalidInput,
            Self::UnknownChannel | Self::UnknownFile => ErrorCode::NotFound,
            Self::AccountTaken => ErrorCode::AlreadyExists,
            Self::Key(error) => error.code(),
            Self::Forbidden | Self::WrongCaller(_) | Self::VerifyToken => {
                ErrorCode::PermissionDenied
            }
            Self::Signature => ErrorCode::Unauthenticated,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::WebhookRefused(_) => ErrorCode::FailedPrecondition,
            Self::Throttled(_) => ErrorCode::RateLimited,
            Self::Away(_) | Self::Database(_) => ErrorCode::Unavailable,
            Self::Refused(status) => ErrorCode::of(status.code()),
            Self::Sealed(_) | Self::Defect(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Field { reason, .. } => reason,
            Self::UnknownChannel => "CHANNEL_UNKNOWN",
            Self::UnknownFile => "FILE_UNKNOWN",
            Self::AccountTaken => "CHANNEL_ACCOUNT_TAKEN",
            Self::Key(error) => error.reason(),
            Self::Forbidden => "ROLE_TOO_LOW",
            Self::WrongCaller(_) => "WRONG_CALLER",
            Self::Signature => "SIGNATURE_INVALID",
            Self::VerifyToken => "VERIFY_TOKEN_INVALID",
            Self::TooLarge(_) => "BODY_TOO_LARGE",
            Self::WebhookRefused(_) => "WEBHOOK_REFUSED",
            Self::Throttled(_) => "PROVIDER_THROTTLED",
            Self::Away(_) => "DEPENDENCY_AWAY",
            Self::Refused(_) => "REFUSED",
            Self::Sealed(_) => "SECRET_SEALED",
            Self::Database(_) => "DATABASE_AWAY",
            Self::Defect(_) => "DEFECT",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Field {
                field,
                reason,
                description,
            } => vec![FieldViolation {
                field,
                reason,
                description: description.clone(),
            }],
            Self::Key(error) => error.violations(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(wait) => Some(*wait),
            _ => None,
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        match error {
            // The other service has said why in its own details; they must survive.
            Error::Refused(status) => *status,
            other => chassis::code::status(&other),
        }
    }
}
