//! Both ends of a call: what goes out with it and who it came from.

use std::time::Duration;

use chassis::telemetry;
use tonic::{Request, Status, metadata::AsciiMetadataValue};

use crate::{Caller, KeyError};

/// A context token and a deadline, to send messages with.
#[derive(Clone)]
pub struct Call {
    authorization: AsciiMetadataValue,
    timeout: Duration,
}

impl Call {
    /// Calls with a token, each within `timeout`.
    pub fn new(token: &str, timeout: Duration) -> Result<Self, KeyError> {
        let mut authorization = AsciiMetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| KeyError::Malformed("token"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization,
            timeout,
        })
    }

    /// The request that carries `message`, the token, the deadline and the
    /// current trace.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
            .metadata_mut()
            .insert("authorization", self.authorization.clone());
        telemetry::pass_trace(request.metadata_mut());
        request
    }
}

/// The caller of a request that passed the gate.
pub fn caller<T>(request: &Request<T>) -> Result<&Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .ok_or_else(|| Status::unauthenticated("a context token is needed"))
}
