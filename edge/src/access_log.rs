//! The rows of the access log, from the request to tenancy-admin.
//!
//! A request leaves its row in a ring in memory, or appends it to a spool of files
//! where one is configured, and goes on; a task delivers the rows. No request
//! waits for tenancy-admin. What does not fit anywhere is counted and told, in the
//! log itself too.

mod entry;
mod record;
mod spool;
mod writer;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chassis::{Clock, Stop, Task, Upstream};
use tokio::sync::Notify;

pub use entry::{Entry, Start};

use crate::{bitacora::Bitacora, config::Config, tokens::Tokens};
use record::Record;
use spool::{Reader, Spool};
use writer::Writer;

/// The most records that wait in memory, about 12 MiB.
const RING: usize = 65_536;

/// The most records of a batch.
const BATCH: usize = 512;

/// How long a request waits for room in the ring while rows are being delivered.
const PATIENCE: Duration = Duration::from_millis(2);

/// Where requests leave their rows. The deliverer ends some time after this is
/// dropped, when everything is delivered.
pub struct AccessLog {
    shared: Arc<Shared>,
    /// Whether there are rows at all.
    on: bool,
}

/// What requests and the deliverer share.
struct Shared {
    clock: Clock,
    ring: Mutex<VecDeque<Record>>,
    spool: Option<Spool>,
    /// Rows since the deliverer looked last; it is woken by the first one and by
    /// the one that fills a batch.
    fresh: AtomicUsize,
    wake: Notify,
    /// Somebody may wait for room.
    room: Notify,
    /// Whether the last delivery succeeded.
    flowing: AtomicBool,
    /// Rows that found no place and are not told of yet.
    lost: AtomicU64,
    /// Claims of a parent that are no ids, not told of yet.
    odd_claims: AtomicU64,
    /// Requested when no more rows come.
    closed: Stop,
}

impl AccessLog {
    /// The log, and what has to run beside the requests. The error is that the
    /// folder of the spool cannot be used.
    pub fn new(
        config: &Config,
        clock: Clock,
        tokens: Arc<Tokens>,
        tenancy: Upstream,
        ids: Bitacora,
    ) -> anyhow::Result<(Self, Vec<Task>)> {
        let (spool, reader) = open_spool(config)?.unzip();
        let spooling = spool.is_some();
        let shared = Arc::new(Shared {
            clock,
            ring: Mutex::default(),
            spool,
            fresh: AtomicUsize::new(0),
            wake: Notify::new(),
            room: Notify::new(),
            flowing: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            odd_claims: AtomicU64::new(0),
            closed: Stop::default(),
        });
        let writer = Writer::new(Arc::clone(&shared), reader, tokens, tenancy, ids);
        let mut tasks = vec![Task::new("access-log", writer.run())];
        if spooling {
            let syncing = spool::keep_synced(Arc::clone(&shared));
            tasks.push(Task::new("access-log-spool", syncing));
        }
        let on = config.bitacora_rows;
        Ok((Self { shared, on }, tasks))
    }

    /// Begins the row of a request.
    pub fn begin(&self, start: &Start<'_>) -> Entry {
        Entry::begin(self.on.then(|| Arc::clone(&self.shared)), start)
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.shared.closed.request();
    }
}

fn open_spool(config: &Config) -> anyhow::Result<Option<(Spool, Reader)>> {
    anyhow::ensure!(
        (1..=65_536).contains(&config.bitacora_spool_mib),
        "edge.bitacora_spool_mib must be 1 to 65536"
    );
    let folder = &config.bitacora_spool;
    if folder.is_empty() {
        return Ok(None);
    }
    let opened = Spool::open(Path::new(folder), config.bitacora_spool_mib * 1024 * 1024);
    opened
        .map(Some)
        .map_err(|error| anyhow::anyhow!("edge.bitacora_spool {folder:?} cannot be used: {error}"))
}

impl Shared {
    /// Keeps a row, in the spool if possible.
    fn push(&self, record: Record) {
        let spooled = self
            .spool
            .as_ref()
            .is_some_and(|spool| spool.append(&record));
        if !spooled && !self.push_to_ring(record) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        let fresh = self.fresh.fetch_add(1, Ordering::SeqCst) + 1;
        if fresh == 1 || fresh == BATCH {
            self.wake.notify_one();
        }
    }

    fn push_to_ring(&self, record: Record) -> bool {
        let mut ring = self.ring();
        let fits = ring.len() < RING;
        if fits {
            ring.push_back(record);
        }
        fits
    }

    /// Waits a moment while the ring is full, if there is hope.
    async fn room(&self) {
        let hopeful = self.spool.is_none() && self.flowing.load(Ordering::Relaxed);
        if hopeful && self.is_full() {
            let room = self.room.notified();
            if self.is_full() {
                let _ = tokio::time::timeout(PATIENCE, room).await;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.ring().len() >= RING
    }

    fn ring(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
