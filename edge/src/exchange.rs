//! One request and what its handler needs to answer it.

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};

use auth::{Call, Caller};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use tokio::time::Instant;
use tonic::Status;

use crate::{
    App,
    envelope::{self, ShownId},
    errors::{Failure, Wording},
    input::{Check, Input, Language, sentence},
    pipeline::Ids,
    table::{Family, LONGEST_KEY, Operation},
};

/// What is kept back of the time for the answer itself.
const RESERVE: Duration = Duration::from_millis(5);

/// The largest answer of a service: a thousand messages of the longest text.
pub const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// A request that passed the credentials of its operation.
pub struct Exchange {
    pub(crate) app: Arc<App>,
    pub(crate) operation: &'static Operation,
    pub(crate) caller: Caller,
    pub(crate) headers: HeaderMap,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) input: Input,
    pub(crate) body: Bytes,
    pub(crate) shown: ShownId,
    pub(crate) ids: Ids,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) deadline: Instant,
}

impl Exchange {
    /// Starts to judge the fields, in the language of the operation.
    pub fn check(&self) -> Check<'_> {
        self.input.check(self.language())
    }

    /// A parameter of the path; empty when the path has none of that name.
    pub fn path(&self, name: &str) -> &str {
        self.path
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// A header as text; empty when it is missing. What is no text shows as marks
    /// that nothing accepts, instead of passing for a header that was not sent.
    pub fn header(&self, name: &str) -> Cow<'_, str> {
        let value = self.headers.get(name);
        value.map_or(Cow::Borrowed(""), |value| {
            String::from_utf8_lossy(value.as_bytes())
        })
    }

    /// The key that makes a repetition harmless, empty without one. Operations that
    /// share a call of a service share no keys, so the name of this one is in it.
    pub fn idempotency_key(&self, check: &mut Check<'_>) -> String {
        let key = self.sent_key(check);
        if key.is_empty() {
            return key;
        }
        let operation = self.operation.path.trim_start_matches("/api/");
        format!("{operation} {key}")
    }

    /// What the caller sent: the header `Idempotency-Key`, or the field
    /// `client_message_id`.
    fn sent_key(&self, check: &mut Check<'_>) -> String {
        let header = self.header("idempotency-key");
        let header = header.trim();
        if header.is_empty() {
            let field = "client_message_id";
            let key = check.field(field).text(LONGEST_KEY);
            if key.len() > LONGEST_KEY {
                check.fail(field, sentence::longer_than_kept(self.language(), field));
            }
            return key;
        }
        if header.len() > LONGEST_KEY {
            check.fail(
                "Idempotency-Key",
                format!("El encabezado Idempotency-Key no debe superar {LONGEST_KEY} caracteres."),
            );
        } else if !header
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            // Two keys must never look like one.
            check.fail(
                "Idempotency-Key",
                "El encabezado Idempotency-Key no es valido.",
            );
        }
        header.to_owned()
    }

    /// The address of the caller as services want it; empty when it is not known.
    pub fn client_ip(&self) -> String {
        self.client_ip
            .map(|address| address.to_string())
            .unwrap_or_default()
    }

    /// A call on behalf of the caller, within what is left of the time.
    pub fn call(&self) -> Result<Call, Failure> {
        let call = self.app.tokens.call_for(&self.caller, self.time_left())?;
        Ok(self.ids.behind(call))
    }

    /// What is left of the time for calls.
    pub fn time_left(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.saturating_sub(RESERVE)
    }

    /// What an upstream's refusal means here.
    pub fn refused(&self, status: &Status, wording: &Wording) -> Failure {
        Failure::of(status, wording, self.language())
    }

    /// A success with data.
    pub fn answer<T: Serialize>(&self, message: &str, data: &T) -> Response {
        self.success(StatusCode::OK, message, Some(data))
    }

    /// The same for something that is new.
    pub fn created<T: Serialize>(&self, message: &str, data: &T) -> Response {
        self.success(StatusCode::CREATED, message, Some(data))
    }

    /// A success without data.
    pub fn done(&self, message: &str) -> Response {
        self.success::<()>(StatusCode::OK, message, None)
    }

    fn success<T: Serialize>(
        &self,
        status: StatusCode,
        message: &str,
        data: Option<&T>,
    ) -> Response {
        let envelope = self.operation.envelope;
        envelope::success(envelope, status, message, data, self.shown)
    }

    fn language(&self) -> Language {
        match self.operation.family {
            Family::Native => Language::English,
            Family::Failed | Family::Errors | Family::Parameters => Language::Spanish,
        }
    }
}

/// Marks an answer that holds a token: nothing on the way may keep it.
pub fn secret(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Tells how many rows there are where the body has no place for it.
pub fn with_total(mut response: Response, total: u64) -> Response {
    response.headers_mut().insert(
        HeaderName::from_static("x-total-count"),
        HeaderValue::from(total),
    );
    response
}
