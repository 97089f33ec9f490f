//! What can go wrong, and how callers are told.

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
    /// The database does not answer.
    #[error("the database does not answer; try again")]
    Database(#[source] sqlx::Error),
    /// The database refused what it should not have.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// A secret could not be encrypted or decrypted.
    #[error("a secret could not be encrypted or decrypted")]
    Sealing(#[from] sealing::SealError),
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Forbidden => ErrorCode::PermissionDenied,
            Self::Invalid(_) => ErrorCode::InvalidInput,
            Self::Database(_) => ErrorCode::Unavailable,
            Self::Statement(_) | Self::Sealing(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden => "FORBIDDEN",
            Self::Invalid(_) => "INVALID",
            Self::Database(_) => "DATABASE",
            Self::Statement(_) => "STATEMENT",
            Self::Sealing(_) => "SEALING",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(violation) => vec![violation.clone()],
            _ => Vec::new(),
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
