//! What can go wrong, and how callers are told.

use chassis::{ErrorCode, Failure, FieldViolation};

use crate::LONGEST_KEY;

/// A failure around a key. Services answer it as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key came with another request before.
    #[error("the idempotency key came with another request before")]
    Reused,
    /// The key is none.
    #[error("an idempotency key has at most {LONGEST_KEY} bytes")]
    Malformed,
    /// The row changed hands again and again.
    #[error("another request works under the same key; try again")]
    Contended,
    /// What is stored cannot be read: the key that sealed it is gone.
    #[error("{0} under an idempotency key")]
    Broken(&'static str),
    /// The database failed.
    #[error("the database does not answer; try again")]
    Database(#[from] sqlx::Error),
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Reused => ErrorCode::AlreadyExists,
            Self::Malformed => ErrorCode::InvalidInput,
            Self::Contended => ErrorCode::Unavailable,
            Self::Database(error) if postgres::constraint::is_transient(error) => {
                ErrorCode::Unavailable
            }
            Self::Broken(_) | Self::Database(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Reused => "IDEMPOTENCY_KEY_REUSED",
            Self::Malformed => "INVALID",
            Self::Contended => "CONTENDED",
            Self::Broken(_) => "IDEMPOTENCY_KEY_BROKEN",
            Self::Database(_) => "DATABASE",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Malformed => vec![FieldViolation {
                field: "Idempotency-Key",
                reason: "INVALID",
                description: self.to_string(),
            }],
            _ => Vec::new(),
        }
    }
}
