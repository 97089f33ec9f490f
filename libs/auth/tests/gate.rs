//! What the gate of a service learns of a call, from the token and from beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use auth::{BitacoraId, Call, Caller, ContextGate, ContextKeys, ContextSigner};
use chassis::{Clock, grpc::Gate};
use http::{Extensions, HeaderMap, HeaderValue};
use time::OffsetDateTime;
use tonic::Request;

struct Rig {
    signer: ContextSigner,
    gate: std::sync::Arc<ContextGate>,
    clock: Clock,
}

impl Rig {
    fn new() -> Self {
        let clock = Clock::set_to(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000));
        let (signing_key, public) = auth::generate("edge-1").unwrap();
        let keys = ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        };
        Self {
            signer: ContextSigner::new(&keys, clock.clone()).unwrap(),
            gate: ContextGate::new(&keys, clock.clone()).unwrap(),
            clock,
        }
    }

    /// The headers of a call of a service, about request `req-7` with row 42.
    fn headers(&self, service: &str) -> HeaderMap {
        let token = self.signer.mint(&Caller::service(service)).unwrap();
        let call = Call::new(&token, Duration::from_secs(5)).unwrap();
        let call = call.about(BitacoraId(42), &HeaderValue::from_static("req-7"));
        let request: Request<()> = call.request(());
        request.metadata().clone().into_headers()
    }

    fn admit(&self, headers: &HeaderMap) -> Option<Caller> {
        let mut extensions = Extensions::new();
        let admitted = self.gate.admit("/any/Call", headers, &mut extensions);
        admitted.ok().and_then(|()| extensions.remove())
    }
}

#[test]
fn the_edge_says_for_which_request_it_calls() {
    let rig = Rig::new();
    let headers = rig.headers("edge");
    for _ in 0..2 {
        let caller = rig.admit(&headers).unwrap();
        assert_eq!(caller.bitacora, Some(BitacoraId(42)));
        assert_eq!(caller.request_id, "req-7");
    }
}

#[test]
fn the_same_token_serves_another_request() {
    let rig = Rig::new();
    let mut headers = rig.headers("edge");
    rig.admit(&headers).unwrap();
    headers.insert("x-bitacora-id", HeaderValue::from_static("43"));
    assert_eq!(rig.admit(&headers).unwrap().bitacora, Some(BitacoraId(43)));
    headers.insert("x-bitacora-id", HeaderValue::from_static("nonsense"));
    assert_eq!(rig.admit(&headers).unwrap().bitacora, None);
}

#[test]
fn nobody_else_is_believed_about_requests() {
    let rig = Rig::new();
    let caller = rig.admit(&rig.headers("channel-connector")).unwrap();
    assert_eq!((caller.bitacora, caller.request_id.as_str()), (None, ""));
}

#[test]
fn a_token_that_was_good_is_refused_when_it_expired_or_was_changed() {
    let rig = Rig::new();
    let headers = rig.headers("edge");
    rig.admit(&headers).unwrap();
    let good = headers["authorization"].to_str().unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let changed = format!("{head}.{}{}", &signature[1..], &signature[..1]);
    let mut forged = headers.clone();
    forged.insert("authorization", changed.parse().unwrap());
    assert!(rig.admit(&forged).is_none());
    rig.clock.advance(time::Duration::seconds(66));
    assert!(rig.admit(&headers).is_none());
}
