//! From stored bodies to conversation, each event exactly once.
//!
//! Two loops, each of which any replica may run. The first finds the events of a
//! body, all entries, changes, messages and statuses, and stores each under the
//! name its provider gives it for ever; what is delivered twice is stored once.
//! One replica at a time does this, so events are numbered in the order the
//! bodies came in. The second tells conversation, lane by lane: the events of one
//! sender on one channel go one after another, those of others beside them. A
//! body is done when conversation has answered for all its events.

mod explode;
mod meta;
mod store;
mod telegram;

use std::{sync::Arc, time::Duration};

use auth::ServiceTokens;
use chassis::{Clock, Stop, Upstream, crash};
use futures_util::{StreamExt, stream};
use prost::Message;
use proto::conversation::v1::{
    InboundEvent, IngestEventsRequest, ingest_service_client::IngestServiceClient,
};
use sqlx::PgPool;
use tokio::sync::Notify;
use tonic::{Code, Status};

use crate::{error::Result, inbox::Inbox};

/// How often rows of other replicas are looked for.
const POLL: Duration = Duration::from_millis(500);

/// The most bodies taken in one transaction.
const BODIES: i64 = 50;

/// The most events of a lane told in one call.
const EVENTS: i64 = 50;

/// How long conversation has for one call.
const CALL: Duration = Duration::from_secs(15);

/// The longest pause while conversation is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

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

/// How the delivery of a lane ended.
enum Lane {
    /// There may be more.
    Moved,
    /// Another replica has it, or it waits.
    Still,
    /// Conversation does not answer.
    Away,
}

/// How conversation answered.
enum Told {
    All,
    Away,
    /// It refuses; trying the same again rarely helps.
    Refused(Status),
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

    /// Tells conversation until the stop.
    pub(crate) async fn deliver(self, stop: Stop) -> anyhow::Result<()> {
        let mut pause = POLL;
        while !stop.is_requested() {
            match self.deliver_lanes(&stop).await {
                Ok(Lane::Moved) => pause = POLL,
                Ok(Lane::Still) => self.rest(&self.exploded, POLL, &stop).await,
                Ok(Lane::Away) => {
                    stop.within(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::warn!(%error, "inbound events wait");
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
            if let Err(error) = store::remove_old(&self.pool, now).await {
                tracing::warn!(%error, "old webhooks stay");
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
        let bodies = store::claim(&mut transaction, now, BODIES).await?;
        if !bodies.is_empty() {
            crash::point("worker.claimed");
        }
        let mut adopted = 0;
        for body in &bodies {
            let found = explode::explode(&self.inbox, body).await?;
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

    async fn deliver_lanes(&self, stop: &Stop) -> Result<Lane> {
        let lanes = store::waiting_lanes(&self.pool, self.clock.now()).await?;
        let mut running = stream::iter(lanes)
            .take_while(|_| std::future::ready(!stop.is_requested()))
            .map(|lane| async move { self.deliver_lane(&lane).await })
            .buffer_unordered(self.lanes);
        let mut moved = false;
        let mut away = false;
        while let Some(outcome) = running.next().await {
            match outcome? {
                Lane::Moved => moved = true,
                Lane::Still => {}
                Lane::Away => away = true,
            }
        }
        Ok(match (away, moved) {
            (true, _) => Lane::Away,
            (false, true) => Lane::Moved,
            (false, false) => Lane::Still,
        })
    }

    /// Tells conversation the first events of a lane. The lock on the lane ends with the
    /// transaction, so also with this process.
    async fn deliver_lane(&self, lane: &str) -> Result<Lane> {
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if !store::lock_lane(&mut transaction, lane).await? {
            return Ok(Lane::Still);
        }
        let waiting = store::head_of_lane(&mut transaction, lane, EVENTS).await?;
        if waiting.first().is_none_or(|head| head.next_at > now) {
            return Ok(Lane::Still);
        }
        let outcome = match self.tell(&waiting).await {
            Told::All => {
                crash::point("worker.ingested");
                store::delivered(&mut transaction, &waiting).await?;
                Lane::Moved
            }
            Told::Away => Lane::Away,
            Told::Refused(status) if waiting.len() == 1 => {
                self.charge(&mut transaction, &waiting[0], &status).await?;
                Lane::Moved
            }
            // One of them is refused; one by one shows which.
            Told::Refused(_) => self.tell_singly(&mut transaction, &waiting).await?,
        };
        transaction.commit().await?;
        Ok(outcome)
    }

    async fn tell_singly(
        &self,
        transaction: &mut sqlx::PgTransaction<'_>,
        waiting: &[store::Waiting],
    ) -> Result<Lane> {
        for event in waiting {
            let one = std::slice::from_ref(event);
            match self.tell(one).await {
                Told::All => store::delivered(transaction, one).await?,
                Told::Away => return Ok(Lane::Away),
                Told::Refused(status) => {
                    self.charge(transaction, event, &status).await?;
                    return Ok(Lane::Moved);
                }
            }
        }
        Ok(Lane::Moved)
    }

    /// Counts an attempt; after the last one the event is dead and its lane goes on.
    async fn charge(
        &self,
        transaction: &mut sqlx::PgTransaction<'_>,
        event: &store::Waiting,
        status: &Status,
    ) -> Result<()> {
        let attempts = event.attempts + 1;
        let dead = attempts >= self.attempts;
        let complaint = format!("{:?}: {}", status.code(), status.message());
        tracing::warn!(
            seq = event.seq, attempts, dead, %complaint,
            "conversation refuses an event"
        );
        let wait = time::Duration::seconds(1 << attempts.clamp(0, 8));
        let next_at = self.clock.now() + wait;
        store::refused(transaction, event, dead, &complaint, next_at).await
    }

    async fn tell(&self, waiting: &[store::Waiting]) -> Told {
        let events: Vec<InboundEvent> = waiting
            .iter()
            .filter_map(|event| InboundEvent::decode(&event.event[..]).ok())
            .collect();
        if events.len() != waiting.len() {
            return Told::Refused(Status::internal("a stored event cannot be decoded"));
        }
        match self.call(events).await {
            Ok(results) if results == waiting.len() => Told::All,
            Ok(_) => {
                tracing::error!("conversation answers for another number of events");
                Told::Away
            }
            Err(status) if is_about_the_event(status.code()) => Told::Refused(status),
            Err(status) => {
                tracing::warn!(code = ?status.code(), "conversation does not take events");
                Told::Away
            }
        }
    }

    async fn call(&self, events: Vec<InboundEvent>) -> std::result::Result<usize, Status> {
        let call = self.tokens.call(CALL).await.map_err(|status| {
            // Whatever identity says, it is not about the event.
            Status::unavailable(status.message())
        })?;
        let answer = IngestServiceClient::new(self.conversation.clone())
            .ingest_events(call.request(IngestEventsRequest { events }))
            .await?;
        Ok(answer.into_inner().results.len())
    }
}

/// Says whether a refusal is about what was sent, and not about who sent it or when.
fn is_about_the_event(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Internal
            | Code::DataLoss
    )
}
