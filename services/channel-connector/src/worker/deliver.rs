//! Telling conversation, lane by lane: the events of one sender on one channel go
//! one after another, those of others beside them.
//!
//! A lane is held by a lock of a session that this loop keeps for nothing else:
//! no transaction and no connection of the pool waits while conversation thinks,
//! and the lock ends with the process. Should the session be lost while a call is
//! under way, another replica may tell the same events again; conversation knows
//! them by their keys.

use std::time::{Duration, Instant};

use chassis::{Stop, crash};
use futures_util::{StreamExt, stream::FuturesUnordered};
use prost::Message;
use proto::conversation::v1::{
    InboundEvent, IngestEventsRequest, ingest_service_client::IngestServiceClient,
};
use tonic::{Code, Status};

use super::{
    POLL, Worker,
    lanes::Lanes,
    store::{self, Waiting},
};
use crate::error::Result;

/// The most events of a lane told in one call, and about how many bytes they may have.
const EVENTS: i64 = 50;
const BYTES: usize = 2 * 1024 * 1024;

/// How long conversation has for one call.
const CALL: Duration = Duration::from_secs(15);

/// The longest pause while conversation is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How the delivery of a lane ended.
enum Lane {
    /// There may be more.
    Moved,
    /// Another replica was faster, or it waits.
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

/// How long conversation is left alone after it did not answer.
struct Patience {
    until: Instant,
    next: Duration,
}

impl Patience {
    fn new() -> Self {
        Self {
            until: Instant::now(),
            next: POLL,
        }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Several lanes that fail at once are one failure.
    fn lost(&mut self) {
        if self.left().is_zero() {
            self.until = Instant::now() + self.next;
            self.next = (self.next * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Worker {
    /// Tells conversation until the stop; what is under way then is finished.
    pub(crate) async fn deliver(self, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            if let Err(error) = self.deliver_in_one_session(&stop).await {
                tracing::warn!(%error, "inbound events wait");
                stop.within(POLL).await;
            }
        }
        Ok(())
    }

    /// A lane that waits for an answer holds up one slot and no other lane.
    async fn deliver_in_one_session(&self, stop: &Stop) -> Result<()> {
        let mut lanes = Lanes::open(&self.pool).await?;
        let mut running = FuturesUnordered::new();
        let mut patience = Patience::new();
        while !(stop.is_requested() && running.is_empty()) {
            let mut free = self.lanes.saturating_sub(running.len());
            if stop.is_requested() || !patience.left().is_zero() {
                free = 0;
            }
            let taken = lanes.take(self.clock.now(), free).await?;
            let full = taken.len() == free && free > 0;
            running.extend(taken.into_iter().map(|lane| self.deliver_lane(lane)));
            tokio::select! {
                Some((lane, outcome)) = running.next() => {
                    lanes.release(&lane).await?;
                    match outcome {
                        Ok(Lane::Moved) => patience = Patience::new(),
                        Ok(Lane::Still) => {}
                        Ok(Lane::Away) => patience.lost(),
                        Err(error) => {
                            tracing::warn!(%error, "events of a lane wait");
                            patience.lost();
                        }
                    }
                }
                () = self.exploded.notified(), if !full => {}
                () = tokio::time::sleep(POLL.max(patience.left())), if !full => {}
                () = stop.requested(), if running.is_empty() => {}
            }
        }
        Ok(())
    }

    /// Tells conversation the first events of a lane that this process holds.
    async fn deliver_lane(&self, lane: String) -> (String, Result<Lane>) {
        let outcome = self.deliver_head(&lane).await;
        (lane, outcome)
    }

    async fn deliver_head(&self, lane: &str) -> Result<Lane> {
        let now = self.clock.now();
        let mut waiting = store::head_of_lane(&self.pool, lane, EVENTS).await?;
        if !waiting.first().is_some_and(|head| head.is_due(now)) {
            return Ok(Lane::Still);
        }
        fit(&mut waiting);
        match self.tell(&waiting).await {
            Told::All => {
                crash::point("worker.ingested");
                store::delivered(&self.pool, &waiting).await?;
                Ok(Lane::Moved)
            }
            Told::Away => Ok(Lane::Away),
            Told::Refused(status) if waiting.len() == 1 => {
                self.charge(&waiting[0], &status).await?;
                Ok(Lane::Moved)
            }
            // One of them is refused; one by one shows which.
            Told::Refused(_) => self.tell_singly(&waiting).await,
        }
    }

    async fn tell_singly(&self, waiting: &[Waiting]) -> Result<Lane> {
        for event in waiting {
            let one = std::slice::from_ref(event);
            match self.tell(one).await {
                Told::All => store::delivered(&self.pool, one).await?,
                Told::Away => return Ok(Lane::Away),
                Told::Refused(status) => {
                    self.charge(event, &status).await?;
                    return Ok(Lane::Moved);
                }
            }
        }
        Ok(Lane::Moved)
    }

    /// Counts an attempt; after the last one the event is dead and its lane goes on.
    async fn charge(&self, event: &Waiting, status: &Status) -> Result<()> {
        let attempts = event.attempts + 1;
        let dead = attempts >= self.attempts;
        let complaint = format!("{:?}: {}", status.code(), status.message()).replace('\0', "");
        tracing::warn!(
            seq = event.seq, attempts, dead, %complaint,
            "conversation refuses an event"
        );
        let wait = time::Duration::seconds(1 << attempts.clamp(0, 8));
        let next_at = self.clock.now() + wait;
        store::refused(&self.pool, event, dead, &complaint, next_at).await
    }

    async fn tell(&self, waiting: &[Waiting]) -> Told {
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

/// Leaves so many of the first events that they fit into one call.
fn fit(waiting: &mut Vec<Waiting>) {
    let mut bytes = 0;
    let fitting = waiting.iter().take_while(|event| {
        bytes += event.event.len();
        bytes <= BYTES
    });
    let fitting = fitting.count().max(1);
    waiting.truncate(fitting);
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
