//! From stored bodies to conversation, each event exactly once.
//!
//! Two loops, each of which any replica may run. The first finds the events of a
//! body, all entries, changes, messages and statuses, and stores each under the
//! name its provider gives it for ever; what is delivered twice is stored once.
//! One replica at a time does this, so events are numbered in the order the
//! bodies came in. The second tells conversation, lane by lane: the events of one
//! sender on one channel go one after another, those of others beside them. A
//! body is done when conversation has answered for all its events.

mod attachment;
mod deliver;
mod explode;
mod lanes;
mod meta;
mod store;
mod telegram;

use std::{sync::Arc, time::Duration};

use auth::ServiceTokens;
use chassis::{Clock, Stop, Upstream, crash};
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::{error::Result, inbox::Inbox};

/// How often rows of other replicas are looked for.
const POLL: Duration = Duration::from_millis(500);

/// The most bodies taken in one transaction, and about how many bytes they may have.
const BODIES: i64 = 50;
const BYTES: i64 = 4 * 1024 * 1024;

/// How often orphans are looked through, and what is old is removed.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// The worker. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) inbox: Inbox,
    pub(crate) conversation: Upstream,
    pub(crate) tokens: ServiceTokens,
    pub(crate) lanes: usize,
    pub(crate) attempts: i32,
    /// Rung when a channel was added, for whom there may be orphans.
    pub(crate) connected: Arc<Notify>,
    /// Rung when a body was stored.
    pub(crate) arrived: Arc<Notify>,
    /// Rung when events were found.
    pub(crate) exploded: Arc<Notify>,
    /// Rung when a status has settled a message that was in doubt.
    pub(crate) adopted: Arc<Notify>,
}

impl Worker {
    /// Finds events until the stop.
    pub(crate) async fn explode(self, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            match self.explode_batch().await {
                Ok(0) => self.rest(&self.arrived, POLL, &stop).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "stored webhooks wait");
                    stop.within(POLL).await;
                }
            }
        }
        Ok(())
    }

    /// Looks after orphans and removes what is old, until the stop.
    pub(crate) async fn tidy(self, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            self.rest(&self.connected, TIDY_EVERY, &stop).await;
            let now = self.clock.now();
            match store::adopt_orphans(&self.pool, now).await {
                Ok(0) => {}
                Ok(adopted) => {
                    tracing::info!(adopted, "orphans have found their channel");
                    self.arrived.notify_one();
                }
                Err(error) => tracing::warn!(%error, "orphans wait"),
            }
            while !stop.is_requested() {
                match store::remove_old(&self.pool, now).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%error, "old webhooks stay");
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn rest(&self, bell: &Notify, longest: Duration, stop: &Stop) {
        tokio::select! {
            () = bell.notified() => {}
            () = tokio::time::sleep(longest) => {}
            () = stop.requested() => {}
        }
    }

    /// Finds the events of the oldest bodies; answers how many bodies it took.
    async fn explode_batch(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if !store::lock_exploding(&mut transaction).await? {
            return Ok(0);
        }
        let bodies = store::claim(&mut transaction, now, BODIES, BYTES).await?;
        if !bodies.is_empty() {
            crash::point("worker.claimed");
        }
        let mut adopted = 0;
        for body in &bodies {
            let found = explode::explode(&self.inbox, body).await;
            adopted += store::settle(&mut transaction, body, found, self.attempts, now).await?;
        }
        transaction.commit().await?;
        if !bodies.is_empty() {
            crash::point("worker.exploded");
            self.exploded.notify_one();
        }
        if adopted > 0 {
            self.adopted.notify_one();
        }
        Ok(bodies.len())
    }
}
