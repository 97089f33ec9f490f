//! Forgetting what can concern no token any more.

use std::time::Duration;

use chassis::{Clock, Stop};
use sqlx::PgPool;

use super::store;

const EVERY: Duration = Duration::from_mins(1);

/// How long entries are kept beyond their time: the clocks of those who check
/// tokens may be slow.
const SLACK: time::Duration = time::Duration::minutes(10);

/// Removes old entries and leases that have ended, until the stop.
pub async fn forget(pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
    loop {
        let before = clock.now() - SLACK;
        let forgotten = match store::remove_leases(&pool).await {
            Ok(()) => store::forget(&pool, before).await,
            Err(error) => Err(error),
        };
        match forgotten {
            Ok(0) => {}
            // There may be more.
            Ok(_) if !stop.is_requested() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old revocations were not removed"),
        }
        if stop.within(EVERY).await {
            return Ok(());
        }
    }
}
