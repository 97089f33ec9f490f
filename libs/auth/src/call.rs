//! Both ends of a call: what goes out with it and who it came from.

use std::time::Duration;

use chassis::telemetry;
use http::{HeaderMap, HeaderValue};
use tonic::{
    Request, Status,
    metadata::{AsciiMetadataKey, AsciiMetadataValue},
};

use crate::{BitacoraId, Caller, KeyError};

/// The metadata that names the row of the access log a call belongs to.
const BITACORA: &str = "x-bitacora-id";

/// The metadata that names the request a call belongs to.
const REQUEST: &str = "x-request-id";

/// Values of a request, with those of the protocol.
const MOST_METADATA: usize = 10;

/// A context token as it travels. Cloning shares it.
#[derive(Clone)]
pub struct Credential(AsciiMetadataValue);

impl Credential {
    /// Takes a token.
    pub fn new(token: &str) -> Result<Self, KeyError> {
        let mut authorization = AsciiMetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| KeyError::Malformed("token"))?;
        authorization.set_sensitive(true);
        Ok(Self(authorization))
    }
}

/// A context token and a deadline, to send messages with.
#[derive(Clone)]
pub struct Call {
    credential: Credential,
    timeout: Duration,
    origin: Option<Origin>,
}

/// The request of the REST API that is behind a call.
#[derive(Clone)]
struct Origin {
    bitacora: BitacoraId,
    request: AsciiMetadataValue,
}

impl Call {
    /// Calls with a token, each within `timeout`.
    pub fn new(token: &str, timeout: Duration) -> Result<Self, KeyError> {
        Ok(Self::with(Credential::new(token)?, timeout))
    }

    /// The same with a token that is made up already.
    pub fn with(credential: Credential, timeout: Duration) -> Self {
        Self {
            credential,
            timeout,
            origin: None,
        }
    }

    /// Says which request is behind the calls: its row of the access log and its id.
    /// Whoever is called believes it of the edge alone.
    #[must_use]
    pub fn about(self, bitacora: BitacoraId, request: &HeaderValue) -> Self {
        let request = AsciiMetadataValue::try_from(request.as_bytes());
        Self {
            origin: request.ok().map(|request| Origin { bitacora, request }),
            ..self
        }
    }

    /// The request that carries `message`, the token, the deadline and the
    /// current trace.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        // In whole milliseconds: the text is then mostly that of the call before,
        // which a connection sends as one byte.
        let milliseconds = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        // What is ours, and what the client adds.
        request.metadata_mut().reserve(MOST_METADATA);
        request.set_timeout(Duration::from_millis(milliseconds));
        let metadata = request.metadata_mut();
        metadata.insert(
            AsciiMetadataKey::from_static("authorization"),
            self.credential.0.clone(),
        );
        if let Some(origin) = &self.origin {
            // No two calls say the same, so that no connection need remember it.
            let mut bitacora = AsciiMetadataValue::from(origin.bitacora.0);
            bitacora.set_sensitive(true);
            let mut name = origin.request.clone();
            name.set_sensitive(true);
            metadata.insert(AsciiMetadataKey::from_static(BITACORA), bitacora);
            metadata.insert(AsciiMetadataKey::from_static(REQUEST), name);
        }
        telemetry::pass_trace(metadata);
        request
    }
}

/// Completes a caller with what goes beside its token.
pub(crate) fn complete(caller: &mut Caller, headers: &HeaderMap) {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if caller.bitacora.is_none() {
        let id = text(BITACORA).and_then(|id| id.parse().ok());
        caller.bitacora = id.and_then(BitacoraId::present);
    }
    if caller.request_id.is_empty() {
        text(REQUEST)
            .unwrap_or_default()
            .clone_into(&mut caller.request_id);
    }
}

/// The caller of a request that passed the gate.
pub fn caller<T>(request: &Request<T>) -> Result<&Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .ok_or_else(|| Status::unauthenticated("a context token is needed"))
}
