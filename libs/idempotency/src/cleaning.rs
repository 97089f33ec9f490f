//! Removing keys that are over.

use std::time::Duration;

use chassis::{Clock, Stop};
use sqlx::{AssertSqlSafe, PgPool};
use time::OffsetDateTime;

use crate::{KEPT, Keys};

const EVERY: Duration = Duration::from_mins(10);

/// The most rows that one statement removes.
const BATCH: u16 = 1000;

impl Keys {
    /// Removes keys that are over, every ten minutes until the stop.
    pub async fn clean(self, pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
        loop {
            match self.remove(&pool, clock.now() - KEPT).await {
                // There may be more.
                Ok(removed) if removed == u64::from(BATCH) && !stop.is_requested() => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "old idempotency keys were not removed"),
            }
            if stop.within(EVERY).await {
                return Ok(());
            }
        }
    }

    /// Removes some of the keys that came at `until` or before; says how many.
    async fn remove(&self, pool: &PgPool, until: OffsetDateTime) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(AssertSqlSafe(&*self.statements.remove))
            .bind(until)
            .bind(i64::from(BATCH))
            .execute(pool)
            .await?;
        Ok(done.rows_affected())
    }
}
