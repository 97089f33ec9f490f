//! The ids of the access log: every request has one, leased in blocks, so that
//! none costs a call.
//!
//! Half a block before the end the next one is fetched, and as many more as a minute
//! took lately. When tenancy-admin is away for longer than that, the ids come from a
//! high range of this replica's own; the log never stops the API.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chassis::Upstream;
use proto::tenancy::v1::{AllocateBlockRequest, bitacora_service_client::BitacoraServiceClient};
use tokio::{sync::Notify, time::Instant};

use crate::tokens::Tokens;

/// How long a request waits for the first block.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a lease may take.
const LEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a failed lease is not repeated.
const REST: Duration = Duration::from_secs(1);

/// What is held lasts this long at the pace of the last block.
const HOLD: Duration = Duration::from_mins(1);

/// The most blocks that are held beside the current one.
const MOST_SPARES: usize = 64;

/// Where the ids of the own ranges start, and how many there are: as many as are
/// left below 2^53, up to which every reader of JSON is exact.
const HIGH_RANGE: i64 = 1 << 52;

/// The source of ids. Cloning shares it.
#[derive(Clone)]
pub struct Bitacora(Arc<Inner>);

struct Inner {
    tokens: Arc<Tokens>,
    tenancy: Upstream,
    lease: Mutex<Lease>,
    arrived: Notify,
    fallback: AtomicI64,
}

#[derive(Default)]
struct Lease {
    next: i64,
    end: i64,
    size: i64,
    spares: VecDeque<(i64, i64)>,
    /// When the current block was begun.
    begun: Option<Instant>,
    /// How many spares last as long as they shall, less one.
    more: usize,
    fetching: bool,
    rest_until: Option<Instant>,
}

impl Lease {
    fn take(&mut self) -> Option<i64> {
        if self.next == self.end {
            (self.next, self.end) = self.spares.pop_front()?;
            self.size = self.end - self.next;
            let now = Instant::now();
            if let Some(begun) = self.begun.replace(now) {
                self.more = blocks_to_hold(now - begun) - 1;
            }
        }
        let id = self.next;
        self.next += 1;
        Some(id)
    }

    /// Says whether a block is wanted, and notes that somebody fetches it.
    fn wants_block(&mut self) -> bool {
        let past_half = (self.end - self.next) * 2 <= self.size;
        let enough = self.more + usize::from(past_half);
        if self.spares.len() >= enough || self.fetching {
            return false;
        }
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        self.fetching = true;
        true
    }
}

/// How many blocks last for [`HOLD`] when one was used up in `lasted`.
fn blocks_to_hold(lasted: Duration) -> usize {
    let blocks = HOLD.as_millis().div_ceil(lasted.as_millis().max(1));
    usize::try_from(blocks)
        .unwrap_or(MOST_SPARES)
        .clamp(1, MOST_SPARES)
}

impl Bitacora {
    /// Leases from `tenancy` in the name of the edge; counts on from `own_range`
    /// when that fails.
    pub fn new(tokens: Arc<Tokens>, tenancy: Upstream, own_range: i64) -> Self {
        Self(Arc::new(Inner {
            tokens,
            tenancy,
            lease: Mutex::default(),
            arrived: Notify::new(),
            fallback: AtomicI64::new(own_range),
        }))
    }

    /// The id of a request that just came in. Waits only when the blocks ran out,
    /// and not for long.
    pub async fn next(&self) -> i64 {
        if let (Some(id), _) = self.take() {
            return id;
        }
        let arrived = self.0.arrived.notified();
        tokio::pin!(arrived);
        arrived.as_mut().enable();
        let (id, worth_waiting) = self.take();
        if let Some(id) = id {
            return id;
        }
        if worth_waiting {
            let _ = tokio::time::timeout(PATIENCE, arrived).await;
        }
        let (id, _) = self.take();
        id.unwrap_or_else(|| {
            let count = self.0.fallback.fetch_add(1, Ordering::Relaxed);
            HIGH_RANGE | (count & (HIGH_RANGE - 1))
        })
    }

    /// An id of the block, and whether waiting for the next block makes sense:
    /// after a failure nobody does, so that a slow tenancy-admin slows nothing.
    fn take(&self) -> (Option<i64>, bool) {
        let mut lease = self.lease();
        let id = lease.take();
        if lease.wants_block() {
            tokio::spawn(self.clone().fetch());
        }
        (id, lease.fetching && lease.rest_until.is_none())
    }

    async fn fetch(self) {
        let block = self.ask().await;
        let mut lease = self.lease();
        lease.fetching = false;
        match block {
            Some(block) => {
                lease.rest_until = None;
                lease.spares.push_back(block);
            }
            None => lease.rest_until = Some(Instant::now() + REST),
        }
        drop(lease);
        self.0.arrived.notify_waiters();
    }

    async fn ask(&self) -> Option<(i64, i64)> {
        let call = self.0.tokens.own_call(LEASE_TIMEOUT).ok()?;
        let asked = BitacoraServiceClient::new(self.0.tenancy.clone())
            .allocate_block(call.request(AllocateBlockRequest {}))
            .await;
        match asked {
            Ok(block) => {
                let block = block.into_inner();
                let end = block.first.checked_add(i64::from(block.count))?;
                (block.first > 0 && block.count > 0).then_some((block.first, end))
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "no ids for the access log, using own ones");
                None
            }
        }
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.0.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the own range of this replica begins: anywhere, so that those of two
/// replicas, or of two lives of one, do not meet.
pub fn own_range() -> i64 {
    let random = uuid::Uuid::new_v4().as_u128() & u128::from(HIGH_RANGE.unsigned_abs() - 1);
    i64::try_from(random).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_lasts_a_minute() {
        for (seconds, blocks) in [(0, 64), (1, 60), (30, 2), (59, 2), (60, 1), (3600, 1)] {
            assert_eq!(blocks_to_hold(Duration::from_secs(seconds)), blocks);
        }
        let mut lease = Lease {
            spares: VecDeque::from([(1, 5), (5, 9)]),
            ..Lease::default()
        };
        assert_eq!(lease.take(), Some(1));
        assert!(!lease.wants_block(), "the first half, and a spare");
        assert_eq!(
            (lease.take(), lease.take(), lease.take()),
            (Some(2), Some(3), Some(4))
        );
        assert!(!lease.wants_block(), "there is the spare");
        assert_eq!(lease.take(), Some(5));
        // The first block lasted no time at all.
        assert!(lease.wants_block());
        assert!(!lease.wants_block(), "one at a time");
    }
}
