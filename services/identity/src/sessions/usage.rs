//! Noting the use of sessions beside the requests, in batches: a request does not
//! wait for it, and a session that is used all the time is written to rarely.

use std::{collections::HashMap, time::Duration};

use chassis::Stop;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{SessionState, store};

/// Use is noted when the last note is older than this; far less than the
/// shortest idle time that can be configured.
const EXACT_TO: time::Duration = time::Duration::minutes(2);

/// How many notes wait at most. One that finds no place is made by a later use.
const WAITING: usize = 8192;

/// Between two writes.
const PAUSE: Duration = Duration::from_secs(1);

/// Where requests leave their notes. Cloning shares the place.
#[derive(Clone)]
pub struct Usage(mpsc::Sender<(Uuid, OffsetDateTime)>);

/// Writes the notes down.
pub struct UsageWriter {
    pool: PgPool,
    notes: mpsc::Receiver<(Uuid, OffsetDateTime)>,
}

/// The two ends.
pub fn usage(pool: PgPool) -> (Usage, UsageWriter) {
    let (sender, notes) = mpsc::channel(WAITING);
    (Usage(sender), UsageWriter { pool, notes })
}

impl Usage {
    /// Notes that a session is used.
    pub fn note(&self, session: &SessionState, now: OffsetDateTime) {
        if now - session.last_used_at > EXACT_TO {
            self.note_unread(session.user.session, now);
        }
    }

    /// Notes that a session is used which was not looked up.
    pub fn note_unread(&self, session: Uuid, now: OffsetDateTime) {
        // Full, or the process stops: neither is worth a failure.
        let _ = self.0.try_send((session, now));
    }
}

impl UsageWriter {
    /// Writes until the stop.
    pub async fn run(mut self, stop: Stop) -> anyhow::Result<()> {
        let mut batch = Vec::with_capacity(WAITING);
        while !stop.is_requested() {
            tokio::select! {
                _ = self.notes.recv_many(&mut batch, WAITING) => {}
                () = stop.requested() => self.notes.close(),
            }
            self.write(batch.drain(..)).await;
            stop.within(PAUSE).await;
        }
        Ok(())
    }

    async fn write(&self, notes: impl Iterator<Item = (Uuid, OffsetDateTime)>) {
        let latest: HashMap<_, _> = notes.collect();
        let (sids, at): (Vec<_>, Vec<_>) = latest.into_iter().unzip();
        if sids.is_empty() {
            return;
        }
        if let Err(error) = store::used(&self.pool, &sids, &at, EXACT_TO).await {
            tracing::warn!(%error, sessions = sids.len(), "use of sessions was not noted");
        }
    }
}
