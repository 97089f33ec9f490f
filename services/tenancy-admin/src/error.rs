//! What can go wrong, and how callers are told.

use chassis::{ErrorCode, Failure, FieldViolation};
use tonic::Status;

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
    /// There is none, or not within reach of the caller.
    #[error("there is no such department")]
    NoSuchDepartment,
    /// There is none, or not within reach of the caller.
    #[error("there is no such FAQ")]
    NoSuchFaq,
    /// There is none.
    #[error("there is no such plan")]
    NoSuchPlan,
    /// Fields are wrong.
    #[error("the input is wrong")]
    Invalid(Vec<FieldViolation>),
    /// Another company has the address.
    #[error("another company has this address")]
    CompanyEmailTaken,
    /// Another user has the address.
    #[error("another user has this address")]
    UserEmailTaken,
    /// The key of a request.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// The company has a department of the name.
    #[error("the company has a department of this name")]
    DepartmentNameTaken,
    /// Another request changes the same thing this very moment.
    #[error("another request works on the same company; try again")]
    Contended,
    /// No field to change was sent.
    #[error("nothing to update was sent")]
    NothingToUpdate,
    /// Identity does not answer.
    #[error("identity does not answer; try again")]
    IdentityAway(#[source] Status),
    /// Identity refused what it should not have.
    #[error("identity refused a call")]
    IdentityRefused(#[source] Status),
    /// The database does not answer.
    #[error("the database does not answer; try again")]
    Database(#[source] sqlx::Error),
    /// The database refused what it should not have.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// A secret could not be encrypted or decrypted.
    #[error("a secret could not be encrypted or decrypted")]
    Sealing(#[from] sealing::SealError),
    /// What is stored makes no sense.
    #[error("a stored calendar cannot be read")]
    Calendar(#[source] serde_json::Error),
    /// Work of ours ended without a result.
    #[error("work ended without a result")]
    Lost(#[source] tokio::task::JoinError),
}

impl Error {
    /// One wrong field.
    pub fn field(field: &'static str, reason: &'static str, description: &str) -> Self {
        Self::Invalid(vec![FieldViolation {
            field,
            reason,
            description: description.to_owned(),
        }])
    }

    /// A company that the caller does not have.
    pub fn foreign_company(field: &'static str) -> Self {
        Self::field(field, "NOT_REGISTERED", "there is no such company")
    }
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Forbidden => ErrorCode::PermissionDenied,
            Self::NoSuchCompany | Self::NoSuchDepartment | Self::NoSuchFaq | Self::NoSuchPlan => {
                ErrorCode::NotFound
            }
            Self::Invalid(_) | Self::Unusable(_) => ErrorCode::InvalidInput,
            Self::CompanyEmailTaken | Self::UserEmailTaken | Self::DepartmentNameTaken => {
                ErrorCode::AlreadyExists
            }
            Self::Key(error) => error.code(),
            Self::NothingToUpdate => ErrorCode::FailedPrecondition,
            Self::Contended | Self::IdentityAway(_) | Self::Database(_) => ErrorCode::Unavailable,
            Self::IdentityRefused(_)
            | Self::Statement(_)
            | Self::Sealing(_)
            | Self::Calendar(_)
            | Self::Lost(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden => "FORBIDDEN",
            Self::NoSuchCompany => "NO_SUCH_COMPANY",
            Self::Unusable(_) => "UNUSABLE",
            Self::NoSuchDepartment => "NO_SUCH_DEPARTMENT",
            Self::NoSuchFaq => "NO_SUCH_FAQ",
            Self::NoSuchPlan => "NO_SUCH_PLAN",
            Self::Invalid(_) => "INVALID",
            Self::CompanyEmailTaken => "COMPANY_EMAIL_TAKEN",
            Self::UserEmailTaken => "USER_EMAIL_TAKEN",
            Self::Key(error) => error.reason(),
            Self::DepartmentNameTaken => "DEPARTMENT_NAME_TAKEN",
            Self::Contended => "CONTENDED",
            Self::NothingToUpdate => "NOTHING_TO_UPDATE",
            Self::IdentityAway(_) | Self::IdentityRefused(_) => "IDENTITY",
            Self::Database(_) => "DATABASE",
            Self::Statement(_) => "STATEMENT",
            Self::Sealing(_) => "SEALING",
            Self::Calendar(_) => "CALENDAR",
            Self::Lost(_) => "LOST",
        }
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(violations) => violations.clone(),
            Self::Key(error) => error.violations(),
            _ => Vec::new(),
        }
    }
}

chassis::failure_into_status!(Error);

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match postgres::constraint::violated(&error) {
            Some("company_email") => Self::CompanyEmailTaken,
            Some("department_name") => Self::DepartmentNameTaken,
            _ if postgres::constraint::is_transient(&error) => Self::Database(error),
            _ => Self::Statement(error),
        }
    }
}
