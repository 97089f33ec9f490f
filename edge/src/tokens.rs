//! The context tokens the edge mints: its own, and one for each request that
//! names who is behind it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use auth::{Call, Caller, ContextKeys, ContextSigner, KeyError, LIFETIME};
use chassis::Clock;

use crate::errors::Failure;

/// The name of the edge in the call graph.
pub const NAME: &str = "edge";

/// Mints context tokens.
pub struct Tokens {
    signer: ContextSigner,
    clock: Clock,
    own: Mutex<Option<Held>>,
}

struct Held {
    token: String,
    renew_at: i64,
}

impl Tokens {
    /// Signs with the private key of the configuration.
    pub fn new(keys: &ContextKeys, clock: Clock) -> Result<Self, KeyError> {
        Ok(Self {
            signer: ContextSigner::new(keys, clock.clone())?,
            clock,
            own: Mutex::new(None),
        })
    }

    /// A call of the edge itself; the token is kept for half its life.
    pub fn own_call(&self, timeout: Duration) -> Result<Call, Failure> {
        let now = self.clock.unix_seconds();
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = own.as_ref().filter(|held| now < held.renew_at) {
            return Call::new(&held.token, timeout).map_err(|error| unsigned(&error));
        }
        let token = self
            .signer
            .mint(&Caller::service(NAME))
            .map_err(|error| unsigned(&error))?;
        let call = Call::new(&token, timeout).map_err(|error| unsigned(&error))?;
        *own = Some(Held {
            token,
            renew_at: now + i64::try_from(LIFETIME.as_secs() / 2).unwrap_or(0),
        });
        Ok(call)
    }

    /// A call on behalf of `caller`.
    pub fn call_for(&self, caller: &Caller, timeout: Duration) -> Result<Call, Failure> {
        self.signer
            .mint(caller)
            .and_then(|token| Call::new(&token, timeout))
            .map_err(|error| unsigned(&error))
    }
}

fn unsigned(error: &KeyError) -> Failure {
    tracing::error!(%error, "no context token could be minted");
    Failure::internal()
}
