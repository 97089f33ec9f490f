//! The context tokens the edge mints: its own, and those that name who is behind a
//! request.
//!
//! A token names a caller and nothing of the request, so it serves all requests of
//! that caller until half its life is over. Nobody gets one out of here but for a
//! request whose credentials were judged a moment ago: a caller who was shut out has
//! no request to send it with.

use std::{sync::Arc, time::Duration};

use auth::{Cache, Call, Caller, ContextKeys, ContextSigner, Credential, KeyError, LIFETIME};
use chassis::Clock;

use crate::errors::Failure;

/// The name of the edge in the call graph.
pub const NAME: &str = "edge";

/// Half of the tokens that are kept, about a kilobyte each.
const HALF: usize = 4096;

/// Mints context tokens.
pub struct Tokens {
    signer: ContextSigner,
    clock: Clock,
    own: Caller,
    kept: Arc<Cache<Caller, Held>>,
}

/// A token that was minted, and when another one is, in seconds since the Unix
/// epoch.
#[derive(Clone)]
pub struct Held {
    credential: Credential,
    renew_at: i64,
}

impl Tokens {
    /// Signs with the private key of the configuration.
    pub fn new(keys: &ContextKeys, clock: Clock) -> Result<Self, KeyError> {
        Ok(Self {
            signer: ContextSigner::new(keys, clock.clone())?,
            clock,
            own: Caller::service(NAME),
            kept: Arc::new(Cache::new(HALF)),
        })
    }

    /// A call of the edge itself.
    pub fn own_call(&self, timeout: Duration) -> Result<Call, Failure> {
        self.call_for(&self.own, timeout)
    }

    /// A call on behalf of `caller`, each of whose words the token repeats.
    pub fn call_for(&self, caller: &Caller, timeout: Duration) -> Result<Call, Failure> {
        let credential = self.credential(caller).map_err(|error| {
            tracing::error!(%error, "no context token could be minted");
            Failure::internal()
        })?;
        Ok(Call::with(credential, timeout))
    }

    fn credential(&self, caller: &Caller) -> Result<Credential, KeyError> {
        let now = self.clock.unix_seconds();
        let held = self.kept.get(caller);
        if let Some(held) = held.filter(|held| now < held.renew_at) {
            return Ok(held.credential);
        }
        let credential = Credential::new(&self.signer.mint(caller)?)?;
        let held = Held {
            credential: credential.clone(),
            renew_at: now + i64::try_from(LIFETIME.as_secs() / 2).unwrap_or(0),
        };
        self.kept.put(caller.clone(), held);
        Ok(credential)
    }

    /// The tokens that are kept, to be dropped with what else was learnt of callers.
    pub fn kept(&self) -> Arc<Cache<Caller, Held>> {
        Arc::clone(&self.kept)
    }
}

#[cfg(test)]
mod tests {
    use auth::{ClientCaller, ContextVerifier};
    use time::OffsetDateTime;
    use tonic::Request;

    use super::*;

    fn token(tokens: &Tokens, caller: &Caller) -> String {
        let call = tokens.call_for(caller, Duration::from_secs(1)).unwrap();
        let request: Request<()> = call.request(());
        let header = request.metadata().get("authorization").unwrap();
        let header = header.to_str().unwrap();
        header.strip_prefix("Bearer ").unwrap().to_owned()
    }

    #[test]
    fn a_token_serves_one_caller_for_half_its_life() {
        let clock = Clock::set_to(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000));
        let (signing_key, public) = auth::generate("edge-1").unwrap();
        let keys = ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        };
        let tokens = Tokens::new(&keys, clock.clone()).unwrap();
        let verifier = ContextVerifier::new(&keys, clock.clone()).unwrap();
        let caller = |scope: &str| Caller {
            client: Some(ClientCaller {
                id: auth::ClientId(1),
                authority: auth::Authority::Platform,
                company: None,
                scopes: vec![scope.to_owned()],
            }),
            ..Caller::service(NAME)
        };
        let (one, other) = (caller("crm:read"), caller("adi:admin"));
        let first = token(&tokens, &one);
        assert_eq!(verifier.verify(&first).unwrap(), one);
        let of_other = token(&tokens, &other);
        assert_eq!(verifier.verify(&of_other).unwrap(), other);
        clock.advance(time::Duration::seconds(29));
        assert_eq!(token(&tokens, &one), first);
        clock.advance(time::Duration::seconds(1));
        let renewed = token(&tokens, &one);
        assert_ne!(renewed, first);
        clock.advance(time::Duration::seconds(29));
        assert_eq!(verifier.verify(&renewed).unwrap(), one);
    }
}
