//! The public keys of access tokens: kept for as long as identity allows, asked
//! for anew when a token names one that is not known.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use auth::{AccessClaims, AccessKeys, BadToken, Call};
use chassis::{Stop, Upstream};
use proto::identity::v1::{
    KeyUse, ListPublicKeysRequest, PublicKey, key_service_client::KeyServiceClient,
};
use tokio::{sync::Mutex, time::Instant};
use tonic::Status;

use crate::{errors::Failure, tokens::Tokens};

/// How often unknown keys make this process ask: anybody can make them up.
const ASK_EVERY: Duration = Duration::from_secs(3);

/// How often the age of the keys is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

const TIMEOUT: Duration = Duration::from_secs(2);

/// The keys, and where to ask for them.
pub struct Keys {
    identity: Upstream,
    tokens: Arc<Tokens>,
    audience: String,
    known: RwLock<Arc<Known>>,
    asked: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Known {
    keys: AccessKeys,
    listed: Vec<PublicKey>,
    asked_at: Option<Instant>,
    max_age: Duration,
}

impl Known {
    /// Says whether the keys are older than a part of the time they may be kept.
    fn older_than(&self, part: u32) -> bool {
        self.asked_at
            .is_none_or(|at| at.elapsed() * part > self.max_age)
    }
}

impl Keys {
    /// No keys yet; tokens must be for `audience`.
    pub fn new(identity: Upstream, tokens: Arc<Tokens>, audience: String) -> Self {
        Self {
            identity,
            tokens,
            audience,
            known: RwLock::default(),
            asked: Mutex::default(),
        }
    }

    /// What a token says, if a key signed it; `now` in seconds since the Unix
    /// epoch.
    pub async fn verify(&self, token: &str, now: i64) -> Result<AccessClaims, Failure> {
        let verified = match self.fresh().await?.keys.verify(token, now) {
            Err(BadToken::UnknownKey) => {
                self.ask(ASK_EVERY).await?;
                self.known().keys.verify(token, now)
            }
            verified => verified,
        };
        verified.map_err(|_| Failure::Unauthenticated)
    }

    /// The keys for others, and for how many seconds they may keep them.
    pub async fn listed(&self) -> Result<(Vec<PublicKey>, u64), Failure> {
        let known = self.fresh().await?;
        Ok((known.listed.clone(), known.max_age.as_secs()))
    }

    /// Asks for the keys before they are too old, until the stop.
    pub async fn keep_fresh(self: Arc<Self>, stop: Stop) -> anyhow::Result<()> {
        loop {
            if self.known().older_than(2) && self.ask(Duration::ZERO).await.is_err() {
                tracing::debug!("the keys of access tokens could not be asked for");
            }
            if stop.within(LOOK_EVERY).await {
                return Ok(());
            }
        }
    }

    /// The keys, if they are not older than they may be.
    async fn fresh(&self) -> Result<Arc<Known>, Failure> {
        let known = self.known();
        if !known.older_than(1) {
            return Ok(known);
        }
        self.ask(Duration::ZERO).await?;
        Some(self.known())
            .filter(|known| !known.older_than(1))
            .ok_or_else(Failure::unavailable)
    }

    fn known(&self) -> Arc<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known)
    }

    /// Asks identity, unless somebody did so while we waited or less than `pause`
    /// ago.
    async fn ask(&self, pause: Duration) -> Result<(), Failure> {
        let before = Instant::now();
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at >= before || at.elapsed() < pause) {
            return Ok(());
        }
        let call = self.tokens.own_call(TIMEOUT)?;
        *asked = Some(Instant::now());
        let known = self.fetch(&call).await.map_err(|status| {
            tracing::warn!(%status, "the keys of access tokens could not be asked for");
            Failure::unavailable()
        })?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    async fn fetch(&self, call: &Call) -> Result<Arc<Known>, Status> {
        let asked_at = Some(Instant::now());
        let asked = ListPublicKeysRequest {
            r#use: KeyUse::Access.into(),
        };
        let answer = KeyServiceClient::new(self.identity.clone())
            .list_public_keys(call.request(asked))
            .await?
            .into_inner();
        let mut keys = AccessKeys::default();
        for key in &answer.keys {
            let not_after = key.not_after.as_ref().map(|at| at.seconds);
            keys.trust(
                key.key_id.clone(),
                &key.public_key,
                &key.issuer,
                &self.audience,
                not_after,
            );
        }
        Ok(Arc::new(Known {
            keys,
            listed: answer.keys,
            asked_at,
            max_age: Duration::from_secs(answer.max_age_seconds.max(1).into()),
        }))
    }
}
