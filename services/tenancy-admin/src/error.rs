//! What can go wrong, and how callers are told.

use chassis::{ErrorCode, Failure};

/// A failure of an operation of tenancy-admin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else calls than who may.
    #[error("this is not for the caller")]
    Forbidden,
    /// There is none, or not within reach of the caller.
    #[error("there is no such company")]
    NoSuchCompany,
    /// The request is not what it has to be.
    #[error("{0}")]
    Unusable(&'static str),
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
            Self::NoSuchCompany => ErrorCode::NotFound,
            Self::Unusable(_) => ErrorCode::InvalidInput,
            Self::Database(_) => ErrorCode::Unavailable,
            Self::Statement(_) | Self::Sealing(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden => "FORBIDDEN",
            Self::NoSuchCompany => "NO_SUCH_COMPANY",
            Self::Unusable(_) => "UNUSABLE",
            Self::Database(_) => "DATABASE",
            Self::Statement(_) => "STATEMENT",
            Self::Sealing(_) => "SEALING",
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
