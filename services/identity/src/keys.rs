//! The keys that sign access tokens: one of them active, its private half sealed
//! in the database, all public halves in memory. They are replaced in time, each
//! after it was published for long enough.

mod rotation;
mod rpc;
mod store;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use auth::{ACCESS_TYPE, AccessClaims, AccessKeys, BadToken};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use chassis::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sealing::Sealer;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

use crate::{Config, error::Error};

pub use rotation::{Schedule, rotate};
pub use rpc::KeyDirectory;

/// How often a token with an unknown key may cause a look into the database.
const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// How long an answer of the public halves may be kept.
pub const MAX_AGE: Duration = Duration::from_mins(5);

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
    sealer: Sealer,
    signing: RwLock<Arc<Signing>>,
    trusted: RwLock<Arc<AccessKeys>>,
    reloaded: Mutex<Option<Instant>>,
    clock: Clock,
}

/// The key that signs now.
struct Signing {
    kid: String,
    header: Header,
    key: EncodingKey,
}

impl KeyRing {
    /// Reads the keys of the issuer; makes the first one when there is none.
    pub async fn open(pool: &PgPool, config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let sealer = Sealer::new("identity.encryption_keys", &config.encryption_keys)?;
        if store::active(pool, &config.issuer).await?.is_none() {
            let key = StoredKey {
                active: true,
                ..generate(&config.issuer, &sealer, clock.now())?
            };
            // Another replica may have been faster; then its key is the one.
            store::insert(pool, &key).await?;
        }
        let active = store::active(pool, &config.issuer)
            .await?
            .ok_or_else(|| anyhow::anyhow!("no key is active for issuer {}", config.issuer))?;
        let kid = active.kid.clone();
        let signing = Signing::open(&sealer, active).map_err(|_| {
            anyhow::anyhow!(
                "no key of identity.encryption_keys opens the signing key {kid} in the database"
            )
        })?;
        let ring = Self {
            pool: pool.clone(),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            sealer,
            signing: RwLock::new(Arc::new(signing)),
            trusted: RwLock::default(),
            reloaded: Mutex::new(None),
            clock,
        };
        ring.read_trusted().await?;
        Ok(ring)
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
    pub fn sign(&self, claims: &AccessClaims) -> Result<String, Error> {
        let signing = self.signing();
        jsonwebtoken::encode(&signing.header, claims, &signing.key)
            .map_err(|_| Error::Crypto("signing a token"))
    }

    /// What a token says, if one of our keys signed it for us and it has not
    /// expired.
    pub async fn verify(&self, token: &str) -> Result<AccessClaims, Error> {
        let now = self.clock.unix_seconds();
        let verified = match self.trusted().verify(token, now) {
            Err(BadToken::UnknownKey) => self.reload().await?.verify(token, now),
            known => known,
        };
        verified.map_err(|_| Error::BearerToken)
    }

    /// Takes up the keys as they are in the database now.
    async fn refresh(&self) -> Result<(), Error> {
        self.read_trusted().await?;
        let active = store::active(&self.pool, &self.issuer).await?;
        let Some(active) = active.filter(|active| active.kid != self.signing().kid) else {
            return Ok(());
        };
        let signing = Signing::open(&self.sealer, active)?;
        tracing::info!(kid = signing.kid, "another key signs from now on");
        *self.signing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signing);
        Ok(())
    }

    fn signing(&self) -> Arc<Signing> {
        let signing = self.signing.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&signing)
    }

    fn trusted(&self) -> Arc<AccessKeys> {
        let trusted = self.trusted.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&trusted)
    }

    /// Reads the keys again, unless that was done a moment ago: anybody can send
    /// tokens with made-up keys.
    async fn reload(&self) -> Result<Arc<AccessKeys>, Error> {
        let mut reloaded = self.reloaded.lock().await;
        if reloaded.is_none_or(|at| at.elapsed() >= RELOAD_EVERY) {
            self.read_trusted().await?;
            *reloaded = Some(Instant::now());
        }
        Ok(self.trusted())
    }

    async fn read_trusted(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut keys = AccessKeys::default();
        for key in store::trusted(&self.pool, &self.issuer, now).await? {
            let not_after = key.not_after.map(OffsetDateTime::unix_timestamp);
            keys.trust(
                key.kid,
                &key.public_key,
                &key.issuer,
                &self.audience,
                not_after,
            );
        }
        *self.trusted.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }
}

impl Signing {
    fn open(sealer: &Sealer, stored: StoredKey) -> Result<Self, Error> {
        let private = sealer
            .open(&place(&stored.kid), &stored.private_sealed)
            .map_err(|_| Error::Crypto("opening the signing key"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(ACCESS_TYPE.into());
        header.kid = Some(stored.kid.clone());
        Ok(Self {
            kid: stored.kid,
            header,
            key: EncodingKey::from_ed_der(&private),
        })
    }
}

/// A new key that does not sign yet.
fn generate(issuer: &str, sealer: &Sealer, not_before: OffsetDateTime) -> Result<StoredKey, Error> {
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
        active: false,
        not_before,
        not_after: None,
        kid,
    })
}

/// Where a private key is stored.
fn place(kid: &str) -> String {
    format!("identity.signing_key|{kid}|private")
}
