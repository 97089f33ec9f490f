//! What can go wrong, and how callers are told.

use chassis::{ErrorCode, Failure, FieldViolation};

use crate::names::BadPart;

/// Everything an RPC of this service can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the target names no channel.
    #[error(transparent)]
    Target(#[from] BadPart),
    /// A field other than the target is not well formed.
    #[error("{field} {problem}")]
    Field {
        /// The field as the REST contract spells it.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The company has no app, or its app is switched off.
    #[error("realtime is not available to this company")]
    NoApp,
    /// The key of a request.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// The database does not answer.
    #[error("the database does not answer at the moment")]
    Unavailable(#[source] sqlx::Error),
    /// Another service does not answer.
    #[error("{service} does not answer at the moment: {}", .status.message())]
    Upstream {
        /// The service.
        service: &'static str,
        /// What it said.
        status: tonic::Status,
    },
    /// The bus does not take events.
    #[error(transparent)]
    Bus(#[from] events::BusError),
    /// A stored secret cannot be read.
    #[error("the secret of app {0} cannot be decrypted")]
    Sealed(i64),
    /// A defect of ours.
    #[error("database")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if postgres::constraint::is_transient(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Target(_) | Self::Field { .. } => ErrorCode::InvalidInput,
            Self::Forbidden(_) => ErrorCode::PermissionDenied,
            Self::NoApp => ErrorCode::FailedPrecondition,
            Self::Key(error) => error.code(),
            Self::Unavailable(_) | Self::Upstream { .. } | Self::Bus(_) => ErrorCode::Unavailable,
            Self::Sealed(_) | Self::Database(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Target(_) => "CHANNEL_INVALID",
            Self::Field { .. } => "FIELD_INVALID",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NoApp => "NO_APP",
            Self::Key(error) => error.reason(),
            Self::Unavailable(_) => "DATABASE_UNAVAILABLE",
            Self::Upstream { .. } => "UPSTREAM_UNAVAILABLE",
            Self::Bus(_) => "BUS_UNAVAILABLE",
            Self::Sealed(_) => "SECRET_SEALED",
            Self::Database(_) => "DATABASE",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        let field = match self {
            Self::Target(bad) => bad.field,
            Self::Field { field, .. } => field,
            Self::Key(error) => return error.violations(),
            _ => return Vec::new(),
        };
        vec![FieldViolation {
            field,
            reason: "INVALID",
            description: self.to_string(),
        }]
    }
}

chassis::failure_into_status!(Error);
