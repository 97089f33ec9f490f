//! The shapes of answers. No other file knows the words `status`, `code` and
//! `id_bitacora_log`, or in which order the keys stand.

mod page;
mod refusal;

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer};
use serde_json::json;

pub use page::Page;
pub use refusal::refuse;

use crate::table::{Echo, Envelope};

/// The message of every answer in the shape [`Envelope::Success`].
pub const DONE: &str = "Operacion exitosa";

/// Headers of an answer, with those it gets on its way out.
const MOST_HEADERS: usize = 12;

/// The id of the access log as a body shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownId {
    /// As a number.
    Number(i64),
    /// As text, which two operations do.
    Text(i64),
}

impl ShownId {
    /// The id that an operation shows: `own` is the one of this request, `sent`
    /// the one that the caller sent along to link to.
    pub fn new(echo: Echo, own: i64, sent: Option<i64>) -> Self {
        match echo {
            Echo::Sent => Self::Number(sent.unwrap_or(own)),
            Echo::OwnText => Self::Text(own),
        }
    }
}

impl Serialize for ShownId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(id) => serializer.serialize_i64(*id),
            Self::Text(id) => serializer.collect_str(id),
        }
    }
}

/// `data` first, the shape of most answers.
#[derive(Serialize)]
struct House<'a, T> {
    data: T,
    status: &'static str,
    message: &'a str,
    code: u16,
    id_bitacora_log: ShownId,
}

/// `status` first, `data` only when there is some.
#[derive(Serialize)]
struct StatusFirst<'a, T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_bitacora_log: Option<ShownId>,
}

/// A success: `message` and `data` in the shape of the operation. Where the shape
/// demands data and there is none, it is an empty list.
pub fn success<T: Serialize>(
    envelope: Envelope,
    status: StatusCode,
    message: &str,
    data: Option<&T>,
    id: ShownId,
) -> Response {
    match (envelope, data) {
        (Envelope::Ok, Some(data)) => house("ok", status, message, data, id),
        (Envelope::Ok, None) => house("ok", status, message, &[(); 0], id),
        (Envelope::Success, Some(data)) => house("success", status, message, data, id),
        (Envelope::Success, None) => house("success", status, message, &[(); 0], id),
        (Envelope::Broadcast, data) => json(
            status,
            &StatusFirst {
                status: "success",
                message: Some(message).filter(|message| !message.is_empty()),
                data,
                code: None,
                id_bitacora_log: None,
            },
        ),
        (Envelope::Telegram, data) => json(
            status,
            &StatusFirst {
                status: "ok",
                message: Some(message),
                data,
                code: Some(status.as_u16()),
                id_bitacora_log: Some(id),
            },
        ),
        (Envelope::Bare, Some(data)) => json(status, data),
        (Envelope::Bare, None) => json(status, &json!({"status": "ok"})),
    }
}

fn house<T: Serialize + ?Sized>(
    word: &'static str,
    status: StatusCode,
    message: &str,
    data: &T,
    id: ShownId,
) -> Response {
    json(
        status,
        &House {
            data,
            status: word,
            message,
            code: status.as_u16(),
            id_bitacora_log: id,
        },
    )
}

/// Plain text, which only the verification of a webhook answers.
pub fn text(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

fn json<T: Serialize + ?Sized>(status: StatusCode, body: &T) -> Response {
    let (status, bytes) = match serde_json::to_vec(body) {
        Ok(bytes) => (status, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer does not serialize");
            (StatusCode::INTERNAL_SERVER_ERROR, b"{}".to_vec())
        }
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(MOST_HEADERS);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
