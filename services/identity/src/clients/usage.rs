//! Noting the use of API clients beside the requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use auth::ClientId;
use chassis::Stop;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::store;

/// A note is written when the last one is older than this.
const EXACT_TO: time::Duration = time::Duration::minutes(2);

/// Between two writes.
const PAUSE: Duration = Duration::from_secs(2);

/// When each client called last, since the last write; there is an entry for
/// clients that proved who they are and for no others. Cloning shares it.
#[derive(Clone, Default)]
pub struct ClientUsage(Arc<Mutex<HashMap<ClientId, OffsetDateTime>>>);

impl ClientUsage {
    /// Notes that a client is used.
    pub fn note(&self, client: ClientId, now: OffsetDateTime) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.insert(client, now);
    }

    fn take(&self) -> HashMap<ClientId, OffsetDateTime> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes the notes down until the stop, and once more then.
pub async fn note_use(usage: ClientUsage, pool: PgPool, stop: Stop) -> anyhow::Result<()> {
    loop {
        let stopping = stop.within(PAUSE).await;
        let (clients, at): (Vec<_>, Vec<_>) =
            usage.take().into_iter().map(|(id, at)| (id.0, at)).unzip();
        if !clients.is_empty()
            && let Err(error) = store::used(&pool, &clients, &at, EXACT_TO).await
        {
            tracing::warn!(%error, clients = clients.len(), "use of API clients was not noted");
        }
        if stopping {
            return Ok(());
        }
    }
}
