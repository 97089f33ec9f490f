//! The two shapes of every answer of the Bot API, and the failures a test can ask for.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::loopback;

/// What the double does with a message instead of sending it. The message has passed every check
/// by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TelegramFailure {
    /// 429 with `retry_after` of so many seconds.
    RetryAfter(u32),
    /// 403: the user has blocked the bot.
    BotBlocked,
    /// 403: the user's account is gone.
    UserDeactivated,
    /// 400: the chat does not exist.
    ChatNotFound,
    /// 400: the group has become the supergroup of this id.
    Migrated(i64),
    /// 500 in the shape of the API.
    InternalError,
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

impl TelegramFailure {
    /// Whether the message is sent although its client does not learn of it.
    pub(super) fn accepts(&self) -> bool {
        matches!(self, Self::HangAfterAccepting | Self::CloseAfterAccepting)
    }

    /// The answer, if there is one.
    pub(super) async fn answer(&self) -> Response {
        let refused = match self {
            Self::Hang | Self::HangAfterAccepting => return loopback::silence().await,
            Self::CloseWithoutAnswer | Self::CloseAfterAccepting => return loopback::severed(),
            Self::NotJson => {
                let page = Html("<html><body><h1>502 Bad Gateway</h1></body></html>");
                return (StatusCode::BAD_GATEWAY, page).into_response();
            }
            Self::RetryAfter(seconds) => Refused::retry_after(*seconds),
            Self::BotBlocked => Refused::forbidden("bot was blocked by the user"),
            Self::UserDeactivated => Refused::forbidden("user is deactivated"),
            Self::ChatNotFound => Refused::bad_request("chat not found"),
            Self::Migrated(chat_id) => Refused {
                parameters: json!({"migrate_to_chat_id": chat_id}),
                ..Refused::bad_request("group chat was upgraded to a supergroup chat")
            },
            Self::InternalError => {
                Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        };
        refused.into_response()
    }
}

/// `ok: true`.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) result: Value,
    description: Option<&'static str>,
}

impl Done {
    pub(super) fn with(result: Value) -> Self {
        Self {
            result,
            description: None,
        }
    }

    pub(super) fn saying(description: &'static str) -> Self {
        Self {
            result: Value::Bool(true),
            description: Some(description),
        }
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut answer = json!({"ok": true, "result": self.result});
        if let Some(description) = self.description {
            answer["description"] = description.into();
        }
        Json(answer).into_response()
    }
}

/// `ok: false`.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    description: String,
    /// Null when there are none.
    parameters: Value,
}

impl Refused {
    fn new(status: StatusCode, description: impl Into<String>) -> Self {
        Self {
            status,
            description: description.into(),
            parameters: Value::Null,
        }
    }

    pub(super) fn bad_request(complaint: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("Bad Request: {complaint}"))
    }

    fn forbidden(complaint: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("Forbidden: {complaint}"))
    }

    pub(super) fn conflict(complaint: &str) -> Self {
        Self::new(StatusCode::CONFLICT, format!("Conflict: {complaint}"))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(super) fn no_method() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found: method not found")
    }

    pub(super) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
    }

    pub(super) fn retry_after(seconds: u32) -> Self {
        Self {
            parameters: json!({"retry_after": seconds}),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Too Many Requests: retry after {seconds}"),
            )
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut answer = json!({
            "ok": false,
            "error_code": self.status.as_u16(),
            "description": self.description,
        });
        let wait = self.parameters["retry_after"].as_u64();
        if !self.parameters.is_null() {
            answer["parameters"] = self.parameters;
        }
        let mut response = (self.status, Json(answer)).into_response();
        if let Some(seconds) = wait {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
