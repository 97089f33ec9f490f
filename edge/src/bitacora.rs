//! The ids of the access log: every request has one, leased in blocks, so that
//! none costs a call.
//!
//! Half a block before the end the next one is fetched. When tenancy-admin is
//! away the ids come from a high range of this replica's own; the log never stops
//! the API.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chassis::{Clock, Upstream};
use proto::tenancy::v1::{AllocateBlockRequest, bitacora_service_client::BitacoraServiceClient};
use tokio::{sync::Notify, time::Instant};

use crate::tokens::Tokens;

/// How long a request waits for the first block.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a lease may take.
const LEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a failed lease is not repeated.
const REST: Duration = Duration::from_secs(1);

/// Where the ids of the own range start.
const HIGH_RANGE: i64 = 1 << 52;

/// Each replica has 2^40 of them.
const REPLICA_BITS: u32 = 40;

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
    spare: Option<(i64, i64)>,
    fetching: bool,
    rest_until: Option<Instant>,
}

impl Lease {
    fn take(&mut self) -> Option<i64> {
        if self.next == self.end {
            (self.next, self.end) = self.spare.take()?;
            self.size = self.end - self.next;
        }
        let id = self.next;
        self.next += 1;
        Some(id)
    }

    /// Says whether a block is wanted, and notes that somebody fetches it.
    fn wants_block(&mut self) -> bool {
        let plenty = self.spare.is_some() || (self.end - self.next) * 2 > self.size;
        let resting = self.rest_until.is_some_and(|until| Instant::now() < until);
        if (plenty && self.size > 0) || self.fetching || resting {
            return false;
        }
        self.fetching = true;
        true
    }
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
        id.unwrap_or_else(|| self.0.fallback.fetch_add(1, Ordering::Relaxed))
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
                lease.spare = Some(block);
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

/// The first id of the own range: a random replica number, and a counter that
/// starts at the time, so that a restart does not begin anew.
pub fn own_range(clock: &Clock) -> i64 {
    let random = uuid::Uuid::new_v4().as_u128() & 0xfff;
    let replica = i64::try_from(random).unwrap_or(0);
    let millis = i64::try_from(clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    let counter = millis & ((1 << REPLICA_BITS) - 1);
    HIGH_RANGE + (replica << REPLICA_BITS) + counter
}
