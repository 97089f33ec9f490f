//! The public keys of access tokens, for whoever wants to check tokens too.

use axum::response::Response;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use http::{HeaderValue, header::CACHE_CONTROL};
use proto::identity::v1::PublicKey;
use serde::Serialize;

use crate::{errors::Failure, exchange::Exchange};

/// A set of keys (RFC 7517).
#[derive(Serialize)]
struct KeySet<'a> {
    keys: Vec<Key<'a>>,
}

/// An Ed25519 key (RFC 8037).
#[derive(Serialize)]
struct Key<'a> {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    used_for: &'static str,
    alg: &'a str,
    kid: &'a str,
    x: String,
}

impl<'a> From<&'a PublicKey> for Key<'a> {
    fn from(key: &'a PublicKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            used_for: "sig",
            alg: &key.algorithm,
            kid: &key.key_id,
            x: BASE64URL.encode(&key.public_key),
        }
    }
}

/// GET .well-known/jwks.json: every key whose tokens may be good, and the next one.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    let (keys, max_age) = exchange.app.guard.public_keys().await?;
    let set = KeySet {
        keys: keys.iter().map(Key::from).collect(),
    };
    let mut response = exchange.answer("", &set);
    let keep = HeaderValue::try_from(format!("public, max-age={max_age}"));
    if let Ok(keep) = keep {
        response.headers_mut().insert(CACHE_CONTROL, keep);
    }
    Ok(response)
}
