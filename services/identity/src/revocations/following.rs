//! Following the log: one task in this process hears of new entries, and a stream
//! for each replica that watches reads them.

use std::time::Duration;

use chassis::Stop;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use uuid::Uuid;

use super::{Entry, LEASE, Sequence, store};
use crate::error::Error;

/// The channel on which the database wakes those who follow the log.
const CHANNEL: &str = "revocations_identity";

/// How often the log is looked at when a notification was lost.
const POLL: Duration = Duration::from_millis(200);

/// The pause after a failure of the database.
const PAUSE: Duration = Duration::from_millis(500);

/// How often a stream looks whether its lease stands.
const CHECK_LEASE: Duration = Duration::from_secs(1);

/// The most entries of a batch.
pub const BATCH: usize = 1000;

/// Batches on their way to a replica; one that takes no more loses its lease.
pub const ON_THE_WAY: usize = 4;

/// The head of the log as this process knows it. Cloning shares it.
#[derive(Clone)]
pub struct Head(watch::Receiver<Sequence>);

/// Keeps a [`Head`] up to date.
pub struct Listening {
    pool: PgPool,
    head: watch::Sender<Sequence>,
}

/// The two ends.
pub fn head(pool: PgPool) -> (Head, Listening) {
    let (sender, receiver) = watch::channel(Sequence(0));
    let head = sender;
    (Head(receiver), Listening { pool, head })
}

impl Listening {
    /// Listens until the stop.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            if let Err(error) = self.listen(&stop).await {
                tracing::warn!(%error, "revocations are not heard of, trying again");
                stop.within(PAUSE).await;
            }
        }
        Ok(())
    }

    async fn listen(&self, stop: &Stop) -> Result<(), sqlx::Error> {
        // Listening takes a connection for good, so not one of those that others wait for.
        let options: PgConnectOptions = (*self.pool.connect_options()).clone();
        let listening = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(options);
        let mut wake = PgListener::connect_with(&listening).await?;
        wake.listen(CHANNEL).await?;
        while !stop.is_requested() {
            let head = store::head(&self.pool).await?;
            self.head
                .send_if_modified(|known| std::mem::replace(known, head) != head);
            tokio::select! {
                news = wake.recv() => { news?; }
                () = sleep(POLL) => {}
                () = stop.requested() => {}
            }
        }
        Ok(())
    }
}

/// A part of the log on its way to a replica.
pub struct Batch {
    /// What the replica knows is to be dropped first.
    pub reset: bool,
    pub entries: Vec<Entry>,
    /// The newest entry there is.
    pub head: Sequence,
}

/// What a replica follows.
pub struct Watch {
    pub lease: Uuid,
    pool: PgPool,
    head: Head,
    position: Sequence,
    /// Up to here it does not matter what is gone from the log.
    passed: Sequence,
    reset: bool,
}

impl Watch {
    /// Opens a lease for a replica that has applied the entries up to `after`; the
    /// one it had before is given up.
    pub async fn open(
        pool: PgPool,
        head: Head,
        replica: &str,
        after: Sequence,
    ) -> Result<Self, sqlx::Error> {
        let lease = Uuid::new_v4();
        // First the lease, then the log: what is revoked from now on waits for us.
        let seconds = LEASE.as_secs_f64();
        store::open_lease(&pool, lease, replica, after, seconds).await?;
        let standing = store::standing(&pool, lease).await?;
        // A log that is shorter than what was applied is that of another copy of the database.
        let reset = after < standing.forgotten || after > standing.head;
        let position = if reset { Sequence(0) } else { after };
        Ok(Self {
            lease,
            pool,
            head,
            position,
            passed: standing.forgotten,
            reset,
        })
    }

    /// Sends batches for as long as the lease stands and somebody takes them.
    pub async fn run(mut self, batches: mpsc::Sender<Result<Batch, Error>>, stop: Stop) {
        let mut first = true;
        while !stop.is_requested() {
            let batch = match self.read(first).await {
                Ok(Some(batch)) => batch,
                Ok(None) => return,
                Err(error) => {
                    // The replica may be gone; then nobody needs to know.
                    let _ = batches.send(Err(error.into())).await;
                    return;
                }
            };
            let full = batch.entries.len() == BATCH;
            if first || !batch.entries.is_empty() {
                let sent = tokio::time::timeout(LEASE, batches.send(Ok(batch))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            first = false;
            if full {
                continue;
            }
            tokio::select! {
                () = self.news() => {}
                () = sleep(CHECK_LEASE) => {}
                () = batches.closed() => return,
                () = stop.requested() => return,
            }
        }
    }

    /// The next batch; nothing when the lease has ended.
    async fn read(&mut self, first: bool) -> Result<Option<Batch>, sqlx::Error> {
        let standing = store::standing(&self.pool, self.lease).await?;
        if !standing.lease || standing.forgotten > self.position.max(self.passed) {
            return Ok(None);
        }
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let entries = store::entries(&self.pool, self.position, limit).await?;
        let last = entries.last().map(|entry| entry.sequence);
        // In a log of many entries the head comes after those that are still to be read.
        let head = standing.head.max(last.unwrap_or(standing.head));
        self.position = match last {
            Some(last) if entries.len() == BATCH => last,
            _ => head,
        };
        Ok(Some(Batch {
            reset: first && self.reset,
            entries,
            head,
        }))
    }

    /// Waits until the log is longer than what was sent.
    async fn news(&mut self) {
        let position = self.position;
        // It only fails at the stop, which is waited for beside.
        if self.head.0.wait_for(|head| *head > position).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
