//! The keys of context tokens: Ed25519, private where tokens are minted, public
//! everywhere.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chassis::{Clock, config::Secret};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{Cache, Caller};

/// How long a context token is good for.
pub const LIFETIME: Duration = Duration::from_mins(1);

/// Clocks of different machines may differ by this much.
const LEEWAY_SECONDS: u64 = 5;

/// Half of the verified tokens that are kept, about a kilobyte each.
const HALF: usize = 4096;

const AUDIENCE: &str = "internal";

/// The `[context]` section of every process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContextKeys {
    /// The private key of a process that mints tokens (edge and identity):
    /// `id:base64 of the PKCS#8 document`. Empty elsewhere.
    pub signing_key: Secret,
    /// The public keys of everybody who mints: `id:base64 of the 32 bytes`.
    pub trusted_keys: Vec<String>,
    /// The secret with which this service gets its own tokens from identity.
    pub service_secret: Secret,
}

/// A key that cannot be used, or a token that is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The configuration holds something that is no key.
    #[error("context.{0} holds something that is not a key")]
    Malformed(&'static str),
    /// Nothing was configured where a key is needed.
    #[error("context.{0} is needed and empty; `standalone keygen` makes a pair")]
    Missing(&'static str),
    /// The token is forged, expired, for somebody else or no token at all.
    #[error("the context token is not valid")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// The token was signed by nobody we trust.
    #[error("the context token was signed by an unknown key")]
    UnknownKey,
}

/// Makes a pair: what goes into `signing_key` and into `trusted_keys`.
pub fn generate(id: &str) -> Result<(Secret, String), KeyError> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| KeyError::Malformed("signing_key"))?;
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref())
        .map_err(|_| KeyError::Malformed("signing_key"))?;
    let private = format!("{id}:{}", BASE64.encode(document.as_ref()));
    let public = format!("{id}:{}", BASE64.encode(pair.public_key().as_ref()));
    Ok((Secret::new(private), public))
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    caller: Caller,
}

/// Mints context tokens.
#[derive(Clone)]
pub struct ContextSigner {
    header: Header,
    key: EncodingKey,
    clock: Clock,
}

impl ContextSigner {
    /// Takes the private key of the configuration.
    pub fn new(keys: &ContextKeys, clock: Clock) -> Result<Self, KeyError> {
        if keys.signing_key.is_empty() {
            return Err(KeyError::Missing("signing_key"));
        }
        let (id, document) =
            split(keys.signing_key.expose()).ok_or(KeyError::Malformed("signing_key"))?;
        // Fails early on a document that is no Ed25519 key.
        Ed25519KeyPair::from_pkcs8(&document).map_err(|_| KeyError::Malformed("signing_key"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(id.to_owned());
        Ok(Self {
            header,
            key: EncodingKey::from_ed_der(&document),
            clock,
        })
    }

    /// A token that names `caller`, good for [`LIFETIME`].
    pub fn mint(&self, caller: &Caller) -> Result<String, KeyError> {
        let now = self.clock.unix_seconds();
        let claims = Claims {
            aud: AUDIENCE.into(),
            iat: now,
            exp: now + i64::try_from(LIFETIME.as_secs()).unwrap_or(0),
            caller: caller.clone(),
        };
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.key)?)
    }
}

/// Verifies context tokens. A good one is remembered by its digest: the same token
/// comes many times in its minute, and its signature cannot change. Its times are
/// judged at every use. The keys are those of the configuration, so none is taken
/// away while the process remembers what it signed.
pub struct ContextVerifier {
    keys: HashMap<String, DecodingKey>,
    validation: Validation,
    verified: Cache<[u8; 32], Arc<Claims>>,
    clock: Clock,
}

impl ContextVerifier {
    /// Takes the public keys of the configuration.
    pub fn new(keys: &ContextKeys, clock: Clock) -> Result<Self, KeyError> {
        if keys.trusted_keys.is_empty() {
            return Err(KeyError::Missing("trusted_keys"));
        }
        let trusted = keys
            .trusted_keys
            .iter()
            .map(|text| {
                let (id, public) = split(text).filter(|(_, public)| public.len() == 32)?;
                Some((id.to_owned(), DecodingKey::from_ed_der(&public)))
            })
            .collect::<Option<HashMap<_, _>>>()
            .ok_or(KeyError::Malformed("trusted_keys"))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["aud"]);
        // Expiry is judged by our clock below, so that tests can set it.
        validation.validate_exp = false;
        Ok(Self {
            keys: trusted,
            validation,
            verified: Cache::new(HALF),
            clock,
        })
    }

    /// The caller that a token names.
    pub fn verify(&self, token: &str) -> Result<Caller, KeyError> {
        let digest = digest_of(token);
        let known = self.verified.get(&digest);
        let first_sight = known.is_none();
        let claims = match known {
            Some(claims) => claims,
            None => Arc::new(self.read(token)?),
        };
        let leeway = i64::try_from(LEEWAY_SECONDS).unwrap_or(0);
        let now = self.clock.unix_seconds();
        if now > claims.exp + leeway || now < claims.iat - leeway {
            self.verified.remove(&digest);
            return Err(jsonwebtoken::errors::ErrorKind::ExpiredSignature.into());
        }
        let caller = claims.caller.clone();
        if first_sight {
            self.verified.put(digest, claims);
        }
        Ok(caller)
    }

    /// What a token says that one of the keys signed.
    fn read(&self, token: &str) -> Result<Claims, KeyError> {
        let id = jsonwebtoken::decode_header(token)?
            .kid
            .ok_or(KeyError::UnknownKey)?;
        let key = self.keys.get(&id).ok_or(KeyError::UnknownKey)?;
        Ok(jsonwebtoken::decode(token, key, &self.validation)?.claims)
    }
}

fn digest_of(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

impl From<jsonwebtoken::errors::ErrorKind> for KeyError {
    fn from(kind: jsonwebtoken::errors::ErrorKind) -> Self {
        Self::Invalid(kind.into())
    }
}

fn split(text: &str) -> Option<(&str, Vec<u8>)> {
    let (id, encoded) = text.split_once(':')?;
    Some((id, BASE64.decode(encoded).ok()?)).filter(|_| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;

    fn pair(id: &str) -> ContextKeys {
        let (signing_key, public) = generate(id).unwrap();
        ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        }
    }

    #[test]
    fn a_token_names_its_caller_until_it_expires() {
        let clock = Clock::set_to(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
        let keys = pair("edge-1");
        let token = ContextSigner::new(&keys, clock.clone())
            .unwrap()
            .mint(&Caller::service("edge"))
            .unwrap();
        let verifier = ContextVerifier::new(&keys, clock.clone()).unwrap();
        for sight in ["first", "second"] {
            assert_eq!(
                &*verifier.verify(&token).unwrap().service,
                "edge",
                "{sight}"
            );
        }
        clock.advance(Duration::seconds(70));
        assert!(verifier.verify(&token).is_err());
    }

    #[test]
    fn a_token_of_another_key_with_the_same_name_is_refused() {
        let clock = Clock::system();
        let (ours, theirs) = (pair("edge-1"), pair("edge-1"));
        let token = ContextSigner::new(&theirs, clock.clone())
            .unwrap()
            .mint(&Caller::service("edge"))
            .unwrap();
        assert!(
            ContextVerifier::new(&ours, clock)
                .unwrap()
                .verify(&token)
                .is_err()
        );
    }

    #[test]
    fn a_token_without_signature_is_refused() {
        let clock = Clock::system();
        let keys = pair("edge-1");
        let token = ContextSigner::new(&keys, clock.clone())
            .unwrap()
            .mint(&Caller::service("edge"))
            .unwrap();
        let payload = token.split('.').nth(1).unwrap();
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(r#"{"alg":"none","kid":"edge-1"}"#);
        let verifier = ContextVerifier::new(&keys, clock).unwrap();
        assert!(verifier.verify(&format!("{header}.{payload}.")).is_err());
    }
}
