//! What the operations of this service share.

use chassis::Clock;
use events::Outbox;
use idempotency::Keys;
use sqlx::{PgPool, PgTransaction};

use crate::{error::Error, guests::GuestTokens};

/// The database, the time, the outbox, the key of guest tokens and those of
/// requests. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Wiring {
    /// Connections to the database.
    pub(crate) pool: PgPool,
    /// The time.
    pub(crate) clock: Clock,
    /// Where events are written.
    pub(crate) outbox: Outbox,
    /// Mints and verifies guest tokens.
    pub(crate) tokens: GuestTokens,
    /// The requests that may be repeated.
    pub(crate) keys: Keys,
}

impl Wiring {
    /// A transaction; it is undone unless it is committed.
    pub(crate) async fn begin(&self) -> Result<PgTransaction<'static>, Error> {
        Ok(self.pool.begin().await?)
    }
}
