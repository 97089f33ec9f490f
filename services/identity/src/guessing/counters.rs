//! The counters: those that all replicas share in Redis, and those of this process
//! alone for when Redis is away or there is none.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use time::OffsetDateTime;

use super::{Attempt, Limits, Missing, Outcome, Verdict, local::Local, redis::Shared};

/// How long Redis is not asked after it did not answer, so that not every login
/// waits for it.
const LEAVE_ALONE: Duration = Duration::from_secs(1);

/// Who admitted an attempt and wants to know what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The counters of all replicas.
    Shared,
    /// Those of this process.
    Local,
}

/// Both kinds of counters. Cloning shares them.
#[derive(Clone)]
pub struct Counters(Arc<Inner>);

struct Inner {
    shared: Option<Shared>,
    local: Local,
    ask_again_at: Mutex<Option<Instant>>,
}

impl Counters {
    /// Without Redis this process is all there is, and its own counters are exact.
    /// Beside a Redis that is away there may be other replicas, so they are
    /// stricter.
    pub fn new(redis: Option<::redis::Client>, limits: Limits) -> Self {
        let local = match redis {
            Some(_) => limits.alone(),
            None => limits,
        };
        Self(Arc::new(Inner {
            shared: redis.map(|client| Shared::new(client, limits)),
            local: Local::new(local),
            ask_again_at: Mutex::default(),
        }))
    }

    /// Judges an attempt and counts it.
    pub async fn admit(&self, attempt: &Attempt, now: OffsetDateTime) -> (Verdict, Backend) {
        if let Some(shared) = self.shared() {
            match shared.admit(attempt, millis(now)).await {
                Ok(verdict) => return (verdict, Backend::Shared),
                Err(error) => self.is_away(&error),
            }
        }
        (self.0.local.admit(attempt, millis(now)), Backend::Local)
    }

    /// Notes what became of an attempt.
    pub async fn settle(
        &self,
        backend: Backend,
        attempt: &Attempt,
        outcome: Outcome,
        now: OffsetDateTime,
    ) {
        match (backend, &self.0.shared) {
            (Backend::Shared, Some(shared)) => {
                if let Err(error) = shared.settle(attempt, outcome, millis(now)).await {
                    self.is_away(&error);
                }
            }
            (Backend::Local | Backend::Shared, _) => {
                self.0.local.settle(attempt, outcome, millis(now));
            }
        }
    }

    /// Takes one out of each bucket, or answers the time until that is possible.
    pub async fn spend(&self, buckets: &[(String, u32)], now: OffsetDateTime) -> Option<Duration> {
        if let Some(shared) = self.shared() {
            match shared.spend(buckets, millis(now)).await {
                Ok(wait) => return wait,
                Err(error) => self.is_away(&error),
            }
        }
        self.0.local.spend(buckets, millis(now))
    }

    /// Notes that somebody asked for an address that nobody has.
    pub async fn missing(&self, asker: &str, address: &str, now: OffsetDateTime) -> Missing {
        if let Some(shared) = self.shared() {
            match shared.missing(asker, address, millis(now)).await {
                Ok(missing) => return missing,
                Err(error) => self.is_away(&error),
            }
        }
        self.0.local.missing(asker, address, millis(now))
    }

    /// The shared counters, unless they have just failed to answer.
    fn shared(&self) -> Option<&Shared> {
        let mut at = self
            .0
            .ask_again_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if at.is_some_and(|at| Instant::now() < at) {
            return None;
        }
        *at = None;
        self.0.shared.as_ref()
    }

    fn is_away(&self, error: &::redis::RedisError) {
        tracing::warn!(%error, "Redis does not count attempts; this replica counts alone");
        let mut at = self
            .0
            .ask_again_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *at = Some(Instant::now() + LEAVE_ALONE);
    }
}

/// Milliseconds since the Unix epoch.
fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
