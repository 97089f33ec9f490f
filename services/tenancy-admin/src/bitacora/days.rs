//! The tables of days: made ahead, removed when they are old.

use std::time::Duration as Pause;

use chassis::{Clock, Stop};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::store;

/// How many days after today have their tables already.
const AHEAD: i64 = 7;

/// How often it is looked after.
const EVERY: Pause = Pause::from_mins(10);

/// How long until the next try when something was in the way.
const RETRY: Pause = Pause::from_secs(15);

/// Looks after the tables until the stop.
pub async fn run(pool: PgPool, clock: Clock, keep: Duration, stop: Stop) -> anyhow::Result<()> {
    loop {
        let pause = match tidy(&pool, clock.now(), keep).await {
            Ok(()) => EVERY,
            Err(error) => {
                // Nothing is lost meanwhile: rows without a table of their day are strays.
                tracing::warn!(%error, "the days of the access log are not in order yet");
                RETRY
            }
        };
        if stop.within(pause).await {
            return Ok(());
        }
    }
}

async fn tidy(pool: &PgPool, now: OffsetDateTime, keep: Duration) -> Result<(), sqlx::Error> {
    let today = now.to_offset(time::UtcOffset::UTC).date();
    let first_kept = today.saturating_sub(keep);
    let last = today.saturating_add(Duration::days(AHEAD));
    let mut days = store::days_of_strays(pool, first_kept, last).await?;
    days.extend((0..=AHEAD).map(|ahead| today.saturating_add(Duration::days(ahead))));
    for day in days {
        if store::open_day(pool, day).await? {
            tracing::debug!(%day, "a day of the access log has its table");
        }
    }
    while store::drop_day_before(pool, first_kept).await? {
        tracing::info!(before = %first_kept, "an old day of the access log was removed");
    }
    store::drop_strays_before(pool, first_kept).await
}
