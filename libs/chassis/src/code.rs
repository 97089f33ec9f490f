//! The closed table of error codes and the one way a failure becomes a gRPC
//! status.
//!
//! A service's error enum implements [`Failure`]; the machine-readable reason and
//! the offending fields travel as google.rpc `ErrorInfo` and `BadRequest`. The
//! Spanish sentences belong to the edge.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every reason this system answers.
pub const REASON_DOMAIN: &str = "atencion";

/// What kind of failure a caller has to deal with. Add a variant only when a
/// caller must act differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The input is wrong; sending it again will not help.
    InvalidInput,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// The input is fine, but not in the present state of things.
    FailedPrecondition,
    /// The caller did not prove who it is.
    Unauthenticated,
    /// The caller may not do this at all.
    PermissionDenied,
    /// Too many calls; try again later.
    RateLimited,
    /// The input is larger than allowed.
    TooLarge,
    /// A dependency does not answer; try again.
    Unavailable,
    /// There was not enough time.
    Timeout,
    /// A defect of ours; the details are in the log.
    Internal,
}

impl ErrorCode {
    /// The gRPC status code.
    pub fn grpc(self) -> Code {
        match self {
            Self::InvalidInput => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::FailedPrecondition => Code::FailedPrecondition,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::PermissionDenied => Code::PermissionDenied,
            Self::RateLimited => Code::ResourceExhausted,
            Self::TooLarge => Code::OutOfRange,
            Self::Unavailable => Code::Unavailable,
            Self::Timeout => Code::DeadlineExceeded,
            Self::Internal => Code::Internal,
        }
    }

    /// The HTTP status of the REST contract, unless a route documents another.
    pub fn http(self) -> u16 {
        match self {
            Self::InvalidInput | Self::FailedPrecondition => 422,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::RateLimited => 429,
            Self::TooLarge => 413,
            Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::Internal => 500,
        }
    }

    /// The code of a status that came over the wire.
    pub fn of(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::InvalidInput,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::FailedPrecondition | Code::Aborted => Self::FailedPrecondition,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::ResourceExhausted => Self::RateLimited,
            Code::OutOfRange => Self::TooLarge,
            Code::Unavailable => Self::Unavailable,
            Code::DeadlineExceeded | Code::Cancelled => Self::Timeout,
            Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => {
                Self::Internal
            }
        }
    }
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The name of the field as the REST contract spells it.
    pub field: &'static str,
    /// Why, for machines, such as `NOT_REGISTERED`.
    pub reason: &'static str,
    /// Why, in English, for developers.
    pub description: String,
}

/// An error that a service answers.
pub trait Failure: std::error::Error {
    /// What kind of failure it is.
    fn code(&self) -> ErrorCode;

    /// Why, for machines: upper snake case, stable.
    fn reason(&self) -> &'static str;

    /// The fields that are wrong, for [`ErrorCode::InvalidInput`].
    fn violations(&self) -> Vec<FieldViolation> {
        Vec::new()
    }

    /// How long to wait before trying again, for [`ErrorCode::RateLimited`].
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The status that a failure is answered with. The text of an internal error
/// stays in the log: it is written here, once, and nowhere else.
pub fn status(failure: &dyn Failure) -> Status {
    let code = failure.code();
    let message = match code {
        ErrorCode::Internal => {
            tracing::error!(reason = failure.reason(), error = %chain(failure), "internal error");
            "internal error".to_owned()
        }
        ErrorCode::Unavailable | ErrorCode::Timeout => {
            tracing::warn!(reason = failure.reason(), error = %chain(failure), "dependency failed");
            failure.to_string()
        }
        _ => failure.to_string(),
    };
    let mut details = ErrorDetails::new();
    // google.rpc.BadRequest of this version has no place for a machine reason, so
    // the reasons travel as metadata of ErrorInfo, keyed by the field.
    let violations = failure.violations();
    let reasons: HashMap<String, String> = violations
        .iter()
        .map(|violation| (violation.field.to_owned(), violation.reason.to_owned()))
        .collect();
    details.set_error_info(failure.reason(), REASON_DOMAIN, reasons);
    for violation in violations {
        details.add_bad_request_violation(violation.field, violation.description);
    }
    if let Some(wait) = failure.retry_after() {
        details.set_retry_info(Some(wait));
    }
    Status::with_error_details(code.grpc(), message, details)
}

/// What a status says, read back by a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of failure it is.
    pub code: ErrorCode,
    /// Why, for machines; empty when the other side did not say.
    pub reason: String,
    /// The wrong fields: name and machine reason.
    pub fields: Vec<(String, String)>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
}

/// Reads a status back into what the other side meant.
pub fn refusal(status: &Status) -> Refusal {
    let details = status.get_error_details();
    let info = details.error_info();
    let fields = details.bad_request().map_or_else(Vec::new, |bad| {
        bad.field_violations
            .iter()
            .map(|violation| {
                let reason = info
                    .and_then(|info| info.metadata.get(&violation.field))
                    .cloned()
                    .unwrap_or_default();
                (violation.field.clone(), reason)
            })
            .collect()
    });
    Refusal {
        code: ErrorCode::of(status.code()),
        reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
        fields,
        retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Lets a service's error enum be answered with `?` from an RPC.
#[macro_export]
macro_rules! failure_into_status {
    ($error:ty) => {
        impl From<$error> for tonic::Status {
            fn from(error: $error) -> Self {
                $crate::code::status(&error)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Sample {
        #[error("the chat is unknown")]
        UnknownChat,
        #[error("the disk burns at {0}")]
        Fire(String),
    }

    impl Failure for Sample {
        fn code(&self) -> ErrorCode {
            match self {
                Self::UnknownChat => ErrorCode::InvalidInput,
                Self::Fire(_) => ErrorCode::Internal,
            }
        }
        fn reason(&self) -> &'static str {
            match self {
                Self::UnknownChat => "CHAT_UNKNOWN",
                Self::Fire(_) => "FIRE",
            }
        }
        fn violations(&self) -> Vec<FieldViolation> {
            match self {
                Self::UnknownChat => vec![FieldViolation {
                    field: "id_chat",
                    reason: "NOT_REGISTERED",
                    description: "no such chat".into(),
                }],
                Self::Fire(_) => vec![],
            }
        }
    }

    #[test]
    fn fields_and_reasons_survive_the_wire() {
        let read = refusal(&status(&Sample::UnknownChat));
        assert_eq!(read.code, ErrorCode::InvalidInput);
        assert_eq!(read.reason, "CHAT_UNKNOWN");
        assert_eq!(
            read.fields,
            vec![("id_chat".to_owned(), "NOT_REGISTERED".to_owned())]
        );
    }

    #[test]
    fn internal_details_stay_inside() {
        let status = status(&Sample::Fire("rack 7".into()));
        assert!(!format!("{status:?}").contains("rack 7"));
    }
}
