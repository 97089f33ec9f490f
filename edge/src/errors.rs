//! Why a request is refused, and how the refusal of an upstream becomes the
//! documented sentence.

mod code;
mod wording;

use std::time::Duration;

use chassis::{ErrorCode, code::refusal};
use http::StatusCode;
use serde_json::Value;
use tonic::{Code, Status};

pub use wording::Wording;

use crate::input::{FieldErrors, Language};

/// What stands in `data` beside an error message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An empty list.
    Empty,
    /// Null.
    Null,
    /// The key is absent.
    Absent,
    /// Nothing but the message.
    MessageAlone,
    /// Status and message alone.
    StatusAndMessage,
}

/// A refusal; the envelope turns it into an answer.
#[derive(Debug)]
pub enum Failure {
    /// Fields are wrong: 422 in the family of the operation.
    Fields(FieldErrors),
    /// Fields are wrong in a way that the route says with a status and a sentence
    /// of its own.
    FieldsSaid {
        /// The HTTP status.
        status: StatusCode,
        /// The sentence.
        message: &'static str,
        /// The fields.
        errors: FieldErrors,
    },
    /// A status with a sentence.
    Said {
        /// The HTTP status.
        status: StatusCode,
        /// What stands beside the sentence.
        shape: Shape,
        /// The sentence.
        message: &'static str,
        /// When trying again makes sense.
        retry_after: Option<Duration>,
    },
    /// A status with a sentence, and data of the route's own.
    Told {
        /// The HTTP status.
        status: StatusCode,
        /// What stands beside the sentence.
        data: Value,
        /// The sentence.
        message: &'static str,
    },
    /// The caller calls too often.
    TooMany {
        /// When there is room for the next call.
        retry_after: Duration,
        /// How many calls are granted, if it is this process that counts.
        limit: Option<u64>,
    },
    /// The transport is wrong, or the route does not exist.
    Route(StatusCode),
    /// The credentials of the API client are missing or wrong.
    ConsumerCredentials,
    /// The bearer token is missing or wrong.
    Unauthenticated,
    /// A legacy route that pretends not to exist.
    Hidden,
}

impl Failure {
    /// A sentence with an empty list beside it.
    pub fn said(status: StatusCode, message: &'static str) -> Self {
        Self::shaped(status, Shape::Empty, message)
    }

    /// A sentence with something else beside it.
    pub fn shaped(status: StatusCode, shape: Shape, message: &'static str) -> Self {
        Self::Said {
            status,
            shape,
            message,
            retry_after: None,
        }
    }

    /// One wrong field.
    pub fn field(field: &str, sentence: impl Into<String>) -> Self {
        let mut errors = FieldErrors::default();
        errors.push(field, sentence.into());
        Self::Fields(errors)
    }

    /// One wrong field, with a status and a sentence of the route's own.
    pub fn field_saying(
        status: StatusCode,
        message: &'static str,
        field: &str,
        sentence: &'static str,
    ) -> Self {
        let mut errors = FieldErrors::default();
        errors.push(field, sentence.to_owned());
        Self::FieldsSaid {
            status,
            message,
            errors,
        }
    }

    /// A defect of ours.
    pub fn internal() -> Self {
        Self::said(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Ocurrio un error interno.",
        )
    }

    /// The service that answers is older than this edge and has no such call.
    pub fn not_built() -> Self {
        Self::said(StatusCode::NOT_IMPLEMENTED, "No implementado todavia.")
    }

    /// There was not enough time.
    pub fn timeout() -> Self {
        Self::said(
            StatusCode::GATEWAY_TIMEOUT,
            "La solicitud excedio el tiempo de espera.",
        )
    }

    /// A dependency does not answer.
    pub fn unavailable() -> Self {
        Self::Said {
            status: StatusCode::SERVICE_UNAVAILABLE,
            shape: Shape::Empty,
            message: "El servicio no esta disponible. Intente de nuevo.",
            retry_after: Some(Duration::from_secs(1)),
        }
    }

    /// What an upstream's refusal means on a route with this wording.
    pub fn of(status: &Status, wording: &Wording, language: Language) -> Self {
        if status.code() == Code::Unimplemented {
            return Self::not_built();
        }
        let refused = refusal(status);
        match refused.code {
            ErrorCode::InvalidInput | ErrorCode::FailedPrecondition => {
                Self::Fields(wording.fields_of(&refused, language))
            }
            ErrorCode::NotFound => wording.not_found(),
            ErrorCode::AlreadyExists => wording.conflict(&refused.reason),
            // Without a reason it was our own context token that was refused.
            ErrorCode::Unauthenticated if refused.reason.is_empty() => {
                tracing::error!(message = status.message(), "an upstream refuses our token");
                Self::internal()
            }
            ErrorCode::Unauthenticated => Self::Unauthenticated,
            ErrorCode::PermissionDenied => wording.denied(),
            ErrorCode::RateLimited => Self::TooMany {
                retry_after: refused.retry_after.unwrap_or(Duration::from_secs(1)),
                limit: None,
            },
            ErrorCode::TooLarge => Self::Route(StatusCode::PAYLOAD_TOO_LARGE),
            ErrorCode::Unavailable => Self::unavailable(),
            ErrorCode::Timeout => Self::timeout(),
            ErrorCode::Internal => {
                tracing::error!(code = ?status.code(), message = status.message(), "upstream failed");
                Self::internal()
            }
        }
    }
}
