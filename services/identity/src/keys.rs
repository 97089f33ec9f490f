//! The keys that sign access tokens: one of them active, its private half sealed
//! in the database, all public halves in memory.

mod rpc;
mod store;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use chassis::Clock;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use sealing::Sealer;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

use crate::{
    Config,
    error::Error,
    tokens::{self, Claims},
};

pub use rpc::KeyDirectory;

/// How often a token with an unknown key may cause a look into the database.
const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// A key as stored.
pub struct StoredKey {
    /// The `kid` of its tokens.
    pub kid: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The public half, 32 bytes.
    pub public_key: Vec<u8>,
    /// The private half, sealed.
    pub private_sealed: Vec<u8>,
    /// Whether it is the one that signs.
    pub active: bool,
    /// When it signs first.
    pub not_before: OffsetDateTime,
    /// When its last token expires.
    pub not_after: Option<OffsetDateTime>,
}

/// Signs access tokens and verifies their signatures.
pub struct KeyRing {
    pool: PgPool,
    issuer: String,
    audience: String,
    header: Header,
    signing: EncodingKey,
    validation: Validation,
    trusted: RwLock<Arc<HashMap<String, DecodingKey>>>,
    reloaded: Mutex<Option<Instant>>,
    clock: Clock,
}

impl KeyRing {
    /// Reads the keys of the issuer; makes the first one when there is none.
    pub async fn open(pool: &PgPool, config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let sealer = Sealer::new("identity.encryption_keys", &config.encryption_keys)?;
        if store::active(pool, &config.issuer).await?.is_none() {
            let key = generate(&config.issuer, &sealer, clock.now())?;
            // Another replica may have been faster; then its key is the one.
            store::insert(pool, &key).await?;
        }
        let active = store::active(pool, &config.issuer)
            .await?
            .ok_or_else(|| anyhow::anyhow!("no key is active for issuer {}", config.issuer))?;
        let private = sealer
            .open(&place(&active.kid), &active.private_sealed)
            .map_err(|_| {
                anyhow::anyhow!(
                    "no key of identity.encryption_keys opens the signing key {} in the database",
                    active.kid
                )
            })?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(tokens::TYPE.into());
        header.kid = Some(active.kid);
        let trusted = trusted(pool, &config.issuer, clock.now()).await?;
        Ok(Self {
            pool: pool.clone(),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            header,
            signing: EncodingKey::from_ed_der(&private),
            validation: validation(config),
            trusted: RwLock::new(Arc::new(trusted)),
            reloaded: Mutex::new(None),
            clock,
        })
    }

    /// The `iss` of the tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The `aud` of the tokens.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The token that says `claims`.
    pub fn sign(&self, claims: &Claims) -> Result<String, Error> {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
            .map_err(|_| Error::Crypto("signing a token"))
    }

    /// What a token says, if one of our keys signed it for us and it has not
    /// expired. The algorithm is that of the key, whatever the header says.
    pub async fn verify(&self, token: &str) -> Result<Claims, Error> {
        if token.len() > tokens::LONGEST {
            return Err(Error::BearerToken);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Error::BearerToken)?;
        if header.typ.as_deref() != Some(tokens::TYPE) {
            return Err(Error::BearerToken);
        }
        let kid = header.kid.ok_or(Error::BearerToken)?;
        let mut keys = self.known();
        if !keys.contains_key(&kid) {
            keys = self.reload().await?;
        }
        let key = keys.get(&kid).ok_or(Error::BearerToken)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| Error::BearerToken)?
            .claims;
        if claims.expired(self.clock.now()) {
            return Err(Error::BearerToken);
        }
        Ok(claims)
    }

    fn known(&self) -> Arc<HashMap<String, DecodingKey>> {
        let trusted = self.trusted.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&trusted)
    }

    /// Reads the keys again, unless that was done a moment ago: anybody can send
    /// tokens with made-up keys.
    async fn reload(&self) -> Result<Arc<HashMap<String, DecodingKey>>, Error> {
        let mut reloaded = self.reloaded.lock().await;
        if reloaded.is_some_and(|at| at.elapsed() < RELOAD_EVERY) {
            return Ok(self.known());
        }
        let keys = Arc::new(trusted(&self.pool, &self.issuer, self.clock.now()).await?);
        *self.trusted.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        *reloaded = Some(Instant::now());
        Ok(keys)
    }
}

fn validation(config: &Config) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // Expiry is judged by our clock, so that tests can set it.
    validation.validate_exp = false;
    validation
}

async fn trusted(
    pool: &PgPool,
    issuer: &str,
    now: OffsetDateTime,
) -> Result<HashMap<String, DecodingKey>, sqlx::Error> {
    let keys = store::trusted(pool, Some(issuer), now).await?;
    Ok(keys
        .into_iter()
        .map(|key| (key.kid, DecodingKey::from_ed_der(&key.public_key)))
        .collect())
}

fn generate(issuer: &str, sealer: &Sealer, now: OffsetDateTime) -> Result<StoredKey, Error> {
    let failed = |_| Error::Crypto("making a signing key");
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(failed)?;
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref())
        .map_err(|_| Error::Crypto("making a signing key"))?;
    let kid = Uuid::now_v7().to_string();
    Ok(StoredKey {
        issuer: issuer.to_owned(),
        public_key: pair.public_key().as_ref().to_vec(),
        private_sealed: sealer
            .seal(&place(&kid), document.as_ref())
            .map_err(|_| Error::Crypto("sealing a signing key"))?,
        active: true,
        not_before: now,
        not_after: None,
        kid,
    })
}

/// Where a private key is stored.
fn place(kid: &str) -> String {
    format!("identity.signing_key|{kid}|private")
}
