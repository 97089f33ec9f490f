//! Orphans that have found their channel, and what is old.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::{error::Result, media};

/// How long bodies and the names of events are kept. Providers deliver again for 7 days.
const KEEP: Duration = Duration::days(30);

/// How long messages that were sent are kept, or will never be: their statuses name them.
const KEEP_SENT: Duration = Duration::days(90);

/// How long a file may wait for its message; requests to send are kept for 7 days.
const KEEP_UNUSED: Duration = Duration::days(8);

/// How long a file may take to come in, and more.
const KEEP_UNFINISHED: Duration = Duration::days(1);

/// How long an orphan may still find its channel. Later than that nobody expects it.
const ADOPTABLE: Duration = Duration::days(1);

/// The most rows removed at once.
const LIMIT: i64 = 5_000;

/// What is kept of a kind of orphans. Each kind makes room for its own newcomers only.
struct Orphans {
    source: &'static str,
    vouched: bool,
    keep: Duration,
    most: i64,
}

const ORPHANS: [Orphans; 3] = [
    // Signed by a business we know or with the app secret of this installation.
    Orphans {
        source: "meta",
        vouched: true,
        keep: Duration::days(7),
        most: 50_000,
    },
    Orphans {
        source: "meta",
        vouched: false,
        keep: ADOPTABLE,
        most: 5_000,
    },
    Orphans {
        source: "telegram",
        vouched: false,
        keep: Duration::days(1),
        most: 1_000,
    },
];

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

/// Removes what is old, a batch of each; says whether there may be more.
pub(in crate::worker) async fn remove_old(pool: &PgPool, now: OffsetDateTime) -> Result<bool> {
    let mut most = remove_bodies(pool, now - KEEP).await?;
    for orphans in &ORPHANS {
        most = most.max(remove_orphans(pool, orphans, now).await?);
    }
    most = most.max(remove_sent(pool, now - KEEP_SENT).await?);
    most = most.max(media::remove_unused(pool, now - KEEP_UNUSED, LIMIT).await?);
    most = most.max(media::remove_unfinished(pool, now - KEEP_UNFINISHED, LIMIT).await?);
    Ok(most >= LIMIT.unsigned_abs())
}

async fn remove_sent(pool: &PgPool, before: OffsetDateTime) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM channel.outbound WHERE id IN
             (SELECT id FROM channel.outbound
              WHERE state IN ('sent', 'failed', 'uncertain') AND created_at < $1
                AND report = reported
              ORDER BY created_at LIMIT $2)",
        before,
        LIMIT,
    )
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}

/// Removes bodies with nothing left to do, and the names of their events.
async fn remove_bodies(pool: &PgPool, before: OffsetDateTime) -> Result<u64> {
    let gone = sqlx::query_scalar!(
        r#"WITH gone AS (
             DELETE FROM channel.inbound_raw WHERE id IN
                 (SELECT id FROM channel.inbound_raw
                  WHERE received_at < $1 AND state <> 'new' ORDER BY received_at LIMIT $2)
             RETURNING id),
         named AS (
             DELETE FROM channel.inbound_event event USING gone WHERE event.raw_id = gone.id)
         SELECT count(*) AS "gone!" FROM gone"#,
        before,
        LIMIT,
    )
    .fetch_one(pool)
    .await?;
    Ok(u64::try_from(gone).unwrap_or(0))
}

async fn remove_orphans(pool: &PgPool, orphans: &Orphans, now: OffsetDateTime) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM channel.inbound_raw WHERE state = 'orphan' AND id IN
             (SELECT id FROM channel.inbound_raw
              WHERE state = 'orphan' AND source = $1 AND vouched = $2
                AND (received_at < $3
                     OR id <= (SELECT id FROM channel.inbound_raw
                               WHERE state = 'orphan' AND source = $1 AND vouched = $2
                               ORDER BY id DESC OFFSET $4 LIMIT 1))
              ORDER BY id LIMIT $5)",
        orphans.source,
        orphans.vouched,
        now - orphans.keep,
        orphans.most,
        LIMIT,
    )
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}
