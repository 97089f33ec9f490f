//! Removing tokens that expired.

use std::time::Duration;

use chassis::{Clock, Stop};
use sqlx::PgPool;

use super::store;

/// How long an expired token is kept.
const KEEP: time::Duration = time::Duration::hours(1);

const EVERY: Duration = Duration::from_mins(10);

/// Removes what expired, every ten minutes until the stop.
pub async fn clean(pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
    loop {
        match store::remove_expired(&pool, clock.now() - KEEP).await {
            Ok(0) => {}
            // There may be more.
            Ok(_) if !stop.is_requested() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "expired tokens were not removed"),
        }
        if stop.within(EVERY).await {
            return Ok(());
        }
    }
}
