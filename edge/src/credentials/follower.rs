//! Following the revocation log of identity: the one task that holds the lease.

use std::{sync::Arc, time::Duration};

use auth::Cache;
use chassis::{Clock, Stop, Upstream, code::refusal};
use proto::identity::v1::{
    AcknowledgeRevocationsRequest, WatchRevocationsRequest, WatchRevocationsResponse,
    revocation_service_client::RevocationServiceClient,
};
use tokio::time::{Instant, timeout, timeout_at};
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::{log::Log, revocations::Revocations};
use crate::tokens::Tokens;

/// How often the lease is renewed at least; a third of it.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// How long an acknowledgement may take: two of them fit into a lease.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(1200);

/// How long the first answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The pauses between two tries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often what no token concerns any more is dropped.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// A batch of this many entries is not the last one.
const FULL_BATCH: usize = 1000;

/// The most sessions of an acknowledgement.
const MOST_USED: usize = 4096;

/// Something that holds what was learnt from tokens, to be dropped when the log
/// cannot say what became of it.
pub trait Forgetful: Send + Sync {
    /// Drops everything.
    fn forget(&self);
}

impl<K: Eq + std::hash::Hash + Clone + Send + Sync, V: Clone + Send + Sync> Forgetful
    for Cache<K, V>
{
    fn forget(&self) {
        self.clear();
    }
}

/// Follows the log.
pub struct Follower {
    pub identity: Upstream,
    pub tokens: Arc<Tokens>,
    pub revocations: Arc<Revocations>,
    pub learnt: Vec<Arc<dyn Forgetful>>,
    pub clock: Clock,
}

/// Why the log cannot be followed for now.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("identity: {0}")]
    Identity(#[from] Status),
    #[error("identity does not answer in time")]
    Silence,
    #[error("the stream ended")]
    Ended,
    #[error("{0}")]
    Nonsense(&'static str),
}

impl Follower {
    /// Follows until the stop; what fails is tried again after a pause. Without
    /// the lease every token is asked about.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        // No other process has this name.
        let replica = format!("edge-{}", Uuid::new_v4());
        let mut pause = SHORTEST_PAUSE;
        while !stop.is_requested() {
            let began = Instant::now();
            let trouble = tokio::select! {
                trouble = self.follow(&replica) => trouble,
                () = stop.requested() => break,
            };
            self.revocations.give_up();
            if let Err(trouble) = trouble {
                tracing::warn!(%trouble, "revocations are not followed, trying again");
            }
            if began.elapsed() > LONGEST_PAUSE {
                pause = SHORTEST_PAUSE;
            }
            stop.within(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.revocations.give_up();
        Ok(())
    }

    /// Holds one lease for as long as possible.
    async fn follow(&self, replica: &str) -> Result<(), Trouble> {
        // The lease of before, if there is one, ends with this call.
        self.revocations.give_up();
        let asked_at = Instant::now();
        let mut batches = self.watch(replica).await?;
        let first = timeout_at(asked_at + ANSWER_WITHIN, batches.message()).await;
        let mut batch = first
            .map_err(|_| Trouble::Silence)??
            .ok_or(Trouble::Ended)?;
        let mut lease = Lease {
            id: batch.lease_id.clone(),
            ends_at: asked_at + Duration::from_secs(batch.lease_seconds.into()),
        };
        let mut forgot_at = Instant::now();
        loop {
            let caught_up = self.take(&batch)?;
            self.acknowledge(&mut lease, caught_up).await?;
            batch = loop {
                match timeout(RENEW_EVERY, batches.message()).await {
                    Ok(next) => break next?.ok_or(Trouble::Ended)?,
                    Err(_) => self.acknowledge(&mut lease, caught_up).await?,
                }
            };
            if forgot_at.elapsed() > FORGET_EVERY {
                forgot_at = Instant::now();
                let now = self.now();
                self.revocations.write(|log| log.forget(now));
            }
        }
    }

    async fn watch(&self, replica: &str) -> Result<Streaming<WatchRevocationsResponse>, Trouble> {
        let request = WatchRevocationsRequest {
            replica: replica.to_owned(),
            after: self.revocations.read(Log::applied),
        };
        let call = self
            .tokens
            .own_call(ANSWER_WITHIN)
            .map_err(|_| Trouble::Nonsense("no context token could be minted"))?;
        let mut identity = RevocationServiceClient::new(self.identity.clone());
        let answer = timeout(
            ANSWER_WITHIN,
            identity.watch_revocations(call.request(request)),
        );
        Ok(answer.await.map_err(|_| Trouble::Silence)??.into_inner())
    }

    /// Applies a batch; true when it was the last one there is.
    fn take(&self, batch: &WatchRevocationsResponse) -> Result<bool, Trouble> {
        let last = batch.revocations.len() < FULL_BATCH;
        self.revocations.write(|log| {
            if batch.reset {
                *log = Log::default();
                for learnt in &self.learnt {
                    learnt.forget();
                }
            }
            for entry in &batch.revocations {
                log.apply(entry).map_err(Trouble::Nonsense)?;
            }
            if last {
                // The entries up to the head that were not sent are forgotten ones.
                log.reached(batch.head);
            }
            Ok(last)
        })
    }

    /// Says how far the log is applied, and which sessions were let in, and holds
    /// the lease longer for it.
    async fn acknowledge(&self, lease: &mut Lease, caught_up: bool) -> Result<(), Trouble> {
        let used = self.revocations.take_used(MOST_USED);
        let request = AcknowledgeRevocationsRequest {
            lease_id: lease.id.clone(),
            applied: self.revocations.read(Log::applied),
            used_session_ids: used.iter().map(Uuid::to_string).collect(),
        };
        let call = self
            .tokens
            .own_call(ACKNOWLEDGE_WITHIN)
            .map_err(|_| Trouble::Nonsense("no context token could be minted"))?;
        let asked_at = Instant::now();
        let mut identity = RevocationServiceClient::new(self.identity.clone());
        let answer = timeout(
            ACKNOWLEDGE_WITHIN,
            identity.acknowledge_revocations(call.request(request)),
        );
        let answered = match answer.await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) if refusal(&status).reason == "LEASE_EXPIRED" => {
                return Err(status.into());
            }
            Ok(Err(status)) => Err(Trouble::Identity(status)),
            Err(_) => Err(Trouble::Silence),
        };
        match answered {
            Ok(answer) => {
                lease.ends_at = asked_at + Duration::from_secs(answer.lease_seconds.into());
                if caught_up {
                    let length = Duration::from_secs(answer.lease_seconds.into());
                    self.revocations.hold(asked_at, length);
                }
                Ok(())
            }
            Err(trouble) => {
                for session in used {
                    self.revocations.note_use(session);
                }
                // What failed once may work before the lease ends.
                if Instant::now() < lease.ends_at {
                    tracing::debug!(%trouble, "a lease was not renewed");
                    Ok(())
                } else {
                    Err(trouble)
                }
            }
        }
    }

    fn now(&self) -> i64 {
        super::milliseconds_now(&self.clock)
    }
}

/// The lease as identity sees it.
struct Lease {
    id: String,
    ends_at: Instant,
}
