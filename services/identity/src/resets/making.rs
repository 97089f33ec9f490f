//! Making the links of written requests, beside the requests; and removing what
//! is over.

use std::{sync::Arc, time::Duration};

use auth::{BitacoraId, Caller, ClientId};
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chassis::{Clock, Stop};
use sealing::Sealer;
use sqlx::PgPool;
use tokio::sync::Notify;

use super::{place, store};
use crate::{
    error::Error,
    events,
    security_events::{self, Kind, SecurityEvent},
};

/// Between two looks when nobody wakes: for requests of a process that has ended.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How long a link that is over is kept, for those who ask what happened.
const KEEP: time::Duration = time::Duration::days(1);

const CLEAN_EVERY: Duration = Duration::from_hours(1);

/// Makes links. Cloning shares it.
#[derive(Clone)]
pub struct Making {
    pool: PgPool,
    sealer: Sealer,
    clock: Clock,
    written: Arc<Notify>,
}

/// A written request.
pub struct Request {
    pub selector: uuid::Uuid,
    pub email: String,
    pub client: ClientId,
    pub bitacora: Option<i64>,
}

impl Making {
    /// Seals verifiers with `sealer`.
    pub fn new(pool: PgPool, sealer: Sealer, clock: Clock) -> Self {
        Self {
            pool,
            sealer,
            clock,
            written: Arc::default(),
        }
    }

    /// There is a new request.
    pub fn wake(&self) {
        self.written.notify_one();
    }

    /// Makes links until the stop.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            match self.next().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a recovery link was not made yet"),
            }
            tokio::select! {
                () = self.written.notified() => {}
                _ = stop.within(LOOK_AGAIN) => {}
            }
        }
        Ok(())
    }

    /// Makes the link of the oldest request, or forgets it when nobody has the
    /// address; says whether there was one.
    async fn next(&self) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        let Some(request) = store::take(&mut transaction).await? else {
            return Ok(false);
        };
        let (email, client) = (&request.email, request.client);
        let Some(user) = store::owner(&mut transaction, email, client).await? else {
            store::forget(&mut transaction, request.selector).await?;
            transaction.commit().await?;
            return Ok(true);
        };
        let verifier = verifier()?;
        let digest = digest(&SHA256, verifier.as_bytes());
        let sealed = self
            .sealer
            .seal(&place(request.selector), verifier.as_bytes())
            .map_err(|_| Error::Crypto("sealing a recovery link"))?;
        let (selector, now) = (request.selector, self.clock.now());
        store::make(
            &mut transaction,
            selector,
            user.id,
            digest.as_ref(),
            &sealed,
        )
        .await?;
        events::password_reset_requested(&mut transaction, now, &user, selector).await?;
        let event = SecurityEvent::of_user(Kind::ResetRequested, user.company, user.id)
            .with(serde_json::json!({ "client": client.0 }));
        let by = Caller {
            bitacora: request.bitacora.map(BitacoraId),
            ..Caller::service("edge")
        };
        security_events::record(&mut transaction, now, &by, event).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// 256 random bits.
fn verifier() -> Result<String, Error> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto("randomness"))?;
    Ok(BASE64URL.encode(bytes))
}

/// Removes links that are long over, every hour until the stop.
pub async fn clean(pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
    loop {
        match store::remove_old(&pool, clock.now() - KEEP).await {
            Ok(0) => {}
            // There may be more.
            Ok(_) if !stop.is_requested() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old recovery links were not removed"),
        }
        if stop.within(CLEAN_EVERY).await {
            return Ok(());
        }
    }
}
