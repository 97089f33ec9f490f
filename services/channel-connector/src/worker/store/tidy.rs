//! Orphans that have found their channel, and what is old.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::error::Result;

/// How long bodies and the names of events are kept. Providers deliver again for 7 days.
const KEEP: Duration = Duration::days(30);

/// How long orphans are kept, and how many of them.
const KEEP_ORPHANS: Duration = Duration::days(7);
const MOST_ORPHANS: i64 = 50_000;

/// How long an orphan may still find its channel. Later than that nobody expects it.
const ADOPTABLE: Duration = Duration::days(1);

/// The most rows removed at once.
const REMOVED: i64 = 5_000;

/// Hands orphans whose account was connected meanwhile to the worker, who checks their
/// signature; answers how many.
pub(in crate::worker) async fn adopt_orphans(pool: &PgPool, now: OffsetDateTime) -> Result<u64> {
    let adopted = sqlx::query!(
        "UPDATE channel.inbound_raw raw SET state = 'new', error = '', next_at = $1
         FROM channel.channel channel
         WHERE raw.state = 'orphan' AND raw.source = 'meta' AND raw.received_at > $2
           AND channel.app_public = raw.route_key
           AND channel.type IN ('whatsapp', 'whatsappfb', 'messenger', 'instagram')",
        now,
        now - ADOPTABLE,
    )
    .execute(pool)
    .await?;
    Ok(adopted.rows_affected())
}

/// Removes what is old.
pub(in crate::worker) async fn remove_old(pool: &PgPool, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "DELETE FROM channel.inbound_raw WHERE id IN
             (SELECT id FROM channel.inbound_raw
              WHERE received_at < $1 AND state <> 'new' ORDER BY received_at LIMIT $2)",
        now - KEEP,
        REMOVED,
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "DELETE FROM channel.inbound_raw WHERE id IN
             (SELECT id FROM channel.inbound_raw WHERE state = 'orphan'
                AND (received_at < $1
                     OR id <= (SELECT id FROM channel.inbound_raw WHERE state = 'orphan'
                               ORDER BY id DESC OFFSET $2 LIMIT 1))
              LIMIT $3)",
        now - KEEP_ORPHANS,
        MOST_ORPHANS,
        REMOVED,
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "DELETE FROM channel.inbound_event WHERE seq IN
             (SELECT seq FROM channel.inbound_event event
              WHERE state <> 'new' AND next_at < $1
                AND NOT EXISTS (SELECT FROM channel.inbound_raw raw WHERE raw.id = event.raw_id)
              ORDER BY seq LIMIT $2)",
        now - KEEP,
        REMOVED,
    )
    .execute(pool)
    .await?;
    Ok(())
}
