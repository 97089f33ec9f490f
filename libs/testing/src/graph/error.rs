//! What Graph says when it refuses: one body shape, told apart by `code`.

use axum::{
    Json,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use serde_json::json;

use crate::{loopback, opaque};

/// What the double does with a request instead of the ordinary thing. The request has passed every
/// check by then, so a failure is never spent on a request that Graph would have refused anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphFailure {
    /// The number sends too fast: 429, code 130429.
    Throttled,
    /// Too many messages to this one recipient: 400, code 131056.
    PairThrottled,
    /// The token has expired: 401, code 190, subcode 463.
    Auth,
    /// Meta's own trouble: 500, code 131000.
    Transient,
    /// 400 with the given code.
    Permanent(u32),
    /// A proxy's page instead of an answer: 502 with HTML.
    NotJson,
    /// Never answers, and the message is not sent.
    Hang,
    /// Never answers, though the message is sent.
    HangAfterAccepting,
    /// Closes the connection without a byte, and the message is not sent.
    CloseWithoutAnswer,
    /// Closes the connection without a byte, though the message is sent.
    CloseAfterAccepting,
}

impl GraphFailure {
    /// Whether the request takes effect although its client does not learn of it.
    pub(super) fn accepts(&self) -> bool {
        matches!(self, Self::HangAfterAccepting | Self::CloseAfterAccepting)
    }

    /// The answer, if there is one.
    pub(super) async fn answer(&self) -> Response {
        let error = match self {
            Self::Hang | Self::HangAfterAccepting => return loopback::silence().await,
            Self::CloseWithoutAnswer | Self::CloseAfterAccepting => return loopback::severed(),
            Self::NotJson => {
                let page = Html("<html><body><h1>Bad Gateway</h1></body></html>");
                return (StatusCode::BAD_GATEWAY, page).into_response();
            }
            Self::Throttled => {
                GraphError::titled(StatusCode::TOO_MANY_REQUESTS, 130_429, "Rate limit hit")
                    .details("Message failed to send because there were too many messages sent from this phone number in a short period of time")
            }
            Self::PairThrottled => GraphError::titled(
                StatusCode::BAD_REQUEST,
                131_056,
                "(Business Account, Consumer Account) pair rate limit hit",
            )
            .details("Too many messages sent from the sender phone number to the same recipient phone number in a short period of time"),
            Self::Auth => GraphError {
                subcode: Some(463),
                ..GraphError::bad_token("Error validating access token: Session has expired")
            },
            Self::Transient => GraphError::titled(
                StatusCode::INTERNAL_SERVER_ERROR,
                131_000,
                "Something went wrong",
            )
            .details("Message failed to send due to an unknown error"),
            Self::Permanent(code) => {
                GraphError::titled(StatusCode::BAD_REQUEST, *code, "Message failed to send")
                    .details("This message will not be delivered however often it is sent")
            }
        };
        error.into_response()
    }
}

/// A refusal on its way out.
#[derive(Debug, Clone)]
pub(super) struct GraphError {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    pub(super) subcode: Option<u32>,
    kind: &'static str,
    pub(super) message: String,
    pub(super) details: Option<String>,
}

impl GraphError {
    fn new(status: StatusCode, code: u32, message: String) -> Self {
        Self {
            status,
            code,
            subcode: None,
            kind: "OAuthException",
            message,
            details: None,
        }
    }

    /// Like most messages of Graph, this one opens with its code.
    fn titled(status: StatusCode, code: u32, title: &str) -> Self {
        Self::new(status, code, format!("(#{code}) {title}"))
    }

    pub(super) fn bad_token(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 190, message.to_owned())
    }

    /// Code 100 with Graph's own wording of what is wrong.
    pub(super) fn parameter(complaint: &str) -> Self {
        Self::titled(StatusCode::BAD_REQUEST, 100, complaint)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::parameter(&format!("The parameter {parameter} is required."))
    }

    /// Code 100 where Graph says what is wrong only in the details.
    pub(super) fn invalid(details: impl Into<String>) -> Self {
        Self::parameter("Invalid parameter").details(details)
    }

    /// Code 131009: the parameter is there and of the right type, but cannot be used.
    pub(super) fn unusable(details: impl Into<String>) -> Self {
        Self::titled(
            StatusCode::BAD_REQUEST,
            131_009,
            "Parameter value is not valid",
        )
        .details(details)
    }

    /// Code 131053: the file cannot be taken.
    pub(super) fn upload(details: impl Into<String>) -> Self {
        Self::titled(StatusCode::BAD_REQUEST, 131_053, "Media upload error").details(details)
    }

    /// No such object, or one that the token may not see.
    pub(super) fn no_object(method: &str, id: &str) -> Self {
        let message = format!(
            "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded \
             due to missing permissions, or does not support this operation."
        );
        Self {
            subcode: Some(33),
            kind: "GraphMethodException",
            ..Self::new(StatusCode::BAD_REQUEST, 100, message)
        }
    }

    pub(super) fn unknown_path(path: &str) -> Self {
        let message = format!("Unknown path components: {path}");
        Self::new(StatusCode::BAD_REQUEST, 2500, message)
    }

    pub(super) fn details(self, details: impl Into<String>) -> Self {
        Self {
            details: Some(details.into()),
            ..self
        }
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        let mut error = json!({"message": self.message, "type": self.kind, "code": self.code});
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if let Some(details) = self.details {
            error["error_data"] = json!({"messaging_product": "whatsapp", "details": details});
        }
        error["fbtrace_id"] = format!("A{}", opaque::word()).into();
        (self.status, Json(json!({"error": error}))).into_response()
    }
}
