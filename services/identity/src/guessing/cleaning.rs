//! Forgetting networks and devices from which nobody logged in for long.

use std::time::Duration;

use chassis::{Clock, Stop};
use sqlx::PgPool;

use super::{REMEMBERED, store};

const EVERY: Duration = Duration::from_hours(1);

/// Forgets what is old, every hour until the stop.
pub async fn clean(pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
    loop {
        match store::forget(&pool, clock.now() - REMEMBERED).await {
            Ok(0) => {}
            // There may be more.
            Ok(_) if !stop.is_requested() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old origins of logins were not forgotten"),
        }
        if stop.within(EVERY).await {
            return Ok(());
        }
    }
}
