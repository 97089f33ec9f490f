//! What can go wrong here, and how it is answered.

use chassis::{ErrorCode, Failure, FieldViolation};

/// A failure of this service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Fields are wrong.
    #[error("{}", .0.first().map_or("bad input", |first| first.description.as_str()))]
    Invalid(Vec<FieldViolation>),
    /// The call acts for a user and names none.
    #[error("a user is needed")]
    UserNeeded,
    /// The call is for one service alone.
    #[error("only {0} may call this")]
    OnlyFor(&'static str),
    /// The caller works for another company.
    #[error("the caller may not act for this company")]
    ForeignCompany,
    /// The company has no such guest.
    #[error("there is no such guest")]
    GuestUnknown,
    /// There is no such message.
    #[error("there is no such message")]
    MessageUnknown,
    /// The provider takes only templates now.
    #[error("the guest has not written for 24 hours: only templates are accepted")]
    WindowClosed,
    /// The chat takes no more messages.
    #[error("the chat is closed")]
    ChatClosed,
    /// The guest has no name that the provider of the channel understands.
    #[error("the guest cannot be reached on this channel")]
    Unreachable,
    /// The connector's name of a message came before with something else.
    #[error("the idempotency key was used for another message")]
    IdempotencyConflict,
    /// The key of a request.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// Others changed the same guest or message at the same time.
    #[error("others are changing the same things, try again")]
    Contended,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// One wrong field.
    pub(crate) fn field(
        field: &'static str,
        reason: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![FieldViolation {
            field,
            reason,
            description: description.into(),
        }])
    }

    /// A chat that does not exist as far as the caller may know.
    pub(crate) fn chat_unknown() -> Self {
        Self::field("id_chat", "NOT_REGISTERED", "there is no such chat")
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match postgres::constraint::violated(&error) {
            // Two deliveries of one thing met; the next try finds it stored.
            Some(
                "message_external_key"
                | "message_start_key"
                | "message_status_event_once"
                | "guest_identity_once"
                | "chat_open_once",
            ) => Self::Contended,
            _ => Self::Database(error),
        }
    }
}

impl Failure for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::InvalidInput,
            Self::UserNeeded | Self::OnlyFor(_) | Self::ForeignCompany => {
                ErrorCode::PermissionDenied
            }
            Self::GuestUnknown | Self::MessageUnknown => ErrorCode::NotFound,
            Self::WindowClosed | Self::ChatClosed | Self::Unreachable => {
                ErrorCode::FailedPrecondition
            }
            Self::IdempotencyConflict => ErrorCode::AlreadyExists,
            Self::Key(error) => error.code(),
            Self::Contended => ErrorCode::Unavailable,
            Self::Database(error) if postgres::constraint::is_transient(error) => {
                ErrorCode::Unavailable
            }
            Self::Database(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID",
            Self::UserNeeded => "USER_NEEDED",
            Self::OnlyFor(_) => "WRONG_CALLER",
            Self::ForeignCompany => "FOREIGN_COMPANY",
            Self::GuestUnknown => "GUEST_UNKNOWN",
            Self::MessageUnknown => "MESSAGE_UNKNOWN",
            Self::WindowClosed => "WINDOW_CLOSED",
            Self::ChatClosed => "CHAT_CLOSED",
            Self::Unreachable => "GUEST_UNREACHABLE",
            Self::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            Self::Key(error) => error.reason(),
            Self::Contended => "CONTENDED",
            Self::Database(_) => "DATABASE",
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
