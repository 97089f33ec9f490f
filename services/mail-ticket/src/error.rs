//! What can go wrong, and how callers are told.

use std::time::Duration;

use chassis::{ErrorCode, Failure, FieldViolation};

/// A failure of an operation of mail-ticket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller lacks the right.
    #[error("this is not for the caller")]
    Forbidden,
    /// A field is wrong.
    #[error("the input is wrong")]
    Invalid(FieldViolation),
    /// The key of a request.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// The token is of no bot.
    #[error("no bot has this token")]
    UnknownBot,
    /// Nobody has the login.
    #[error("nobody has this login")]
    UnknownLogin,
    /// Another active internal user has the id in Synology Chat.
    #[error("another user has this id in Synology Chat")]
    SynologyIdTaken,
    /// Somebody calls too often.
    #[error("too many messages of one user")]
    TooMany(Duration),
    /// Identity does not answer.
    #[error("identity does not answer; try again")]
    Identity(#[source] tonic::Status),
    /// The database does not answer.
    #[error("the database does not answer; try again")]
    Database(#[source] sqlx::Error),
    /// The database refused what it should not have.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// A secret could not be encrypted or decrypted.
    #[error("a secret could not be encrypted or decrypted")]
    Sealing(#[from] sealing::SealError),
    /// A stored mail cannot be read.
    #[error("the mail cannot be read")]
    Unreadable,
    /// The system gave no randomness.
    #[error("the system has no randomness")]
    NoRandomness,
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Forbidden => ErrorCode::PermissionDenied,
            Self::Invalid(_) => ErrorCode::InvalidInput,
            Self::SynologyIdTaken => ErrorCode::AlreadyExists,
            Self::Key(error) => error.code(),
            Self::UnknownBot => ErrorCode::Unauthenticated,
            Self::UnknownLogin => ErrorCode::NotFound,
            Self::TooMany(_) => ErrorCode::RateLimited,
            Self::Identity(_) | Self::Database(_) => ErrorCode::Unavailable,
            Self::Statement(_) | Self::Sealing(_) | Self::Unreadable | Self::NoRandomness => {
                ErrorCode::Internal
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden => "FORBIDDEN",
            Self::Invalid(_) => "INVALID",
            Self::Key(error) => error.reason(),
            Self::UnknownBot => "BOT_TOKEN",
            Self::UnknownLogin => "LOGIN_UNKNOWN",
            Self::SynologyIdTaken => "SYNOLOGY_ID_TAKEN",
            Self::TooMany(_) => "TOO_MANY",
            Self::Identity(_) => "IDENTITY",
            Self::Database(_) => "DATABASE",
            Self::Statement(_) => "STATEMENT",
            Self::Sealing(_) => "SEALING",
            Self::Unreadable => "UNREADABLE",
            Self::NoRandomness => "RANDOMNESS",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(violation) => vec![violation.clone()],
            Self::Key(error) => error.violations(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooMany(wait) => Some(*wait),
            _ => None,
        }
    }
}

chassis::failure_into_status!(Error);

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if postgres::constraint::is_transient(&error) {
            Self::Database(error)
        } else {
            Self::Statement(error)
        }
    }
}
