//! Admits calls that carry a valid context token.

use std::sync::Arc;

use chassis::{Clock, grpc::Gate};
use http::{Extensions, HeaderMap, header::AUTHORIZATION};
use tonic::Status;

use crate::{ContextKeys, ContextVerifier, KeyError, call::complete};

/// Who may say for which request a call is made.
const EDGE: &str = "edge";

/// The exchange of service credentials for a token cannot carry a token.
const TOKEN_EXCHANGE: &str = "/atencion.identity.v1.AuthenticationService/IssueServiceToken";

/// The gate of every service: no valid context token, no call.
pub struct ContextGate(ContextVerifier);

impl ContextGate {
    /// A gate that trusts the public keys of the configuration.
    pub fn new(keys: &ContextKeys, clock: Clock) -> Result<Arc<Self>, KeyError> {
        Ok(Arc::new(Self(ContextVerifier::new(keys, clock)?)))
    }
}

impl Gate for ContextGate {
    fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        extensions: &mut Extensions,
    ) -> Result<(), Status> {
        if path == TOKEN_EXCHANGE {
            return Ok(());
        }
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| Status::unauthenticated("a context token is needed"))?;
        let mut caller = self
            .0
            .verify(token)
            .map_err(|error| Status::unauthenticated(error.to_string()))?;
        if &*caller.service == EDGE {
            complete(&mut caller, headers);
        }
        extensions.insert(caller);
        Ok(())
    }
}
