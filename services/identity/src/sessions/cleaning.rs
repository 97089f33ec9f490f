//! Removing sessions that ended long ago.

use std::time::Duration;

use chassis::{Clock, Stop};
use sqlx::PgPool;

use super::store;

/// How long an ended session is kept.
const KEEP: time::Duration = time::Duration::days(7);

const EVERY: Duration = Duration::from_hours(1);

/// Removes what ended long ago, every hour until the stop.
pub async fn clean(pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
    loop {
        match store::remove_ended(&pool, clock.now() - KEEP).await {
            Ok(0) => {}
            // There may be more.
            Ok(_) if !stop.is_requested() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "ended sessions were not removed"),
        }
        if stop.within(EVERY).await {
            return Ok(());
        }
    }
}
