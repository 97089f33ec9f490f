//! All SQL of the worker.

mod found;
mod tidy;

use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};

use self::found::{Rows, adopt, message_of};
pub(super) use self::tidy::{adopt_orphans, remove_old};
use super::explode::{Content, Event, Found};
use crate::error::Result;

/// A stored body that waits for the worker.
pub(super) struct Body {
    pub(super) id: i64,
    pub(super) source: String,
    pub(super) verified_channels: Vec<i64>,
    pub(super) content: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) received_at: OffsetDateTime,
    pub(super) attempts: i32,
}

/// An event that conversation has to be told.
pub(super) struct Waiting {
    pub(super) seq: i64,
    pub(super) raw_id: i64,
    pub(super) event: Vec<u8>,
    pub(super) attempts: i32,
    pub(super) next_at: OffsetDateTime,
}

/// Makes this the one replica that finds events, until the end of the transaction.
pub(super) async fn lock_exploding(db: &mut PgConnection) -> Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended('channel.inbound_raw', 0)) AS "locked!""#,
    )
    .fetch_one(db)
    .await?;
    Ok(locked)
}

/// The oldest bodies that wait.
pub(super) async fn claim(
    db: &mut PgConnection,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Body>> {
    Ok(sqlx::query_as!(
        Body,
        "SELECT id, source, verified_channels, body AS content, signature, received_at, attempts
         FROM channel.inbound_raw
         WHERE state = 'new' AND exploded_at IS NULL AND next_at <= $1
         ORDER BY id LIMIT $2
         FOR UPDATE SKIP LOCKED",
        now,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Stores what was found in a body; answers how many messages in doubt it has settled. A body
/// whose events cannot be stored is tried again and dies after `attempts`, without holding up
/// the others.
pub(super) async fn settle(
    db: &mut sqlx::PgTransaction<'_>,
    body: &Body,
    found: Found,
    attempts: i32,
    now: OffsetDateTime,
) -> Result<u64> {
    let events = match found {
        Found::Unreadable(why) => {
            tracing::warn!(id = body.id, why, "a webhook is dead");
            kill(db, body.id, &why).await?;
            return Ok(0);
        }
        Found::Events { events, ignored } => {
            if ignored > 0 {
                tracing::debug!(id = body.id, ignored, "parts of a webhook are not for us");
            }
            events
        }
    };
    let mut savepoint = sqlx::Acquire::begin(&mut **db).await?;
    match store_events(&mut savepoint, body, events, now).await {
        Ok(adopted) => {
            savepoint.commit().await?;
            Ok(adopted)
        }
        Err(error) => {
            savepoint.rollback().await?;
            if matches!(error, crate::error::Error::Database(_)) {
                return Err(error);
            }
            tracing::warn!(id = body.id, %error, "the events of a webhook cannot be stored");
            postpone(db, body, attempts, &error.to_string(), now).await?;
            Ok(0)
        }
    }
}

async fn store_events(
    db: &mut PgConnection,
    body: &Body,
    events: Vec<Event>,
    now: OffsetDateTime,
) -> Result<u64> {
    let mut adopted = 0;
    let mut rows = Rows::default();
    for event in events {
        let (message_id, settled) = match &event.content {
            Content::Status { news, outbound } => {
                let channel = event.channel.id.0;
                let settled = match outbound {
                    Some(id) => adopt(db, channel, *id, &news.provider_id, now).await?,
                    None => 0,
                };
                (
                    message_of(db, channel, *outbound, &news.provider_id).await?,
                    settled,
                )
            }
            Content::Message(_) => (None, 0),
        };
        adopted += settled;
        rows.push(event, message_id.unwrap_or(0), body.received_at);
    }
    let stored = rows.insert(db, body.id, now).await?;
    let state = if stored == 0 { "done" } else { "new" };
    sqlx::query!(
        "UPDATE channel.inbound_raw SET state = $2, exploded_at = $3 WHERE id = $1",
        body.id,
        state,
        now,
    )
    .execute(db)
    .await?;
    Ok(adopted)
}

async fn kill(db: &mut PgConnection, id: i64, why: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.inbound_raw SET state = 'dead', error = $2, attempts = attempts + 1
         WHERE id = $1",
        id,
        why,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn postpone(
    db: &mut PgConnection,
    body: &Body,
    most: i32,
    why: &str,
    now: OffsetDateTime,
) -> Result<()> {
    let attempts = body.attempts + 1;
    if attempts >= most {
        return kill(db, body.id, why).await;
    }
    sqlx::query!(
        "UPDATE channel.inbound_raw SET attempts = $2, next_at = $3, error = $4 WHERE id = $1",
        body.id,
        attempts,
        now + Duration::seconds(1 << attempts.clamp(0, 8)),
        why,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The lanes whose next event is due, the longest waiting first. A lane that waits for its
/// next attempt holds up nobody but itself.
pub(super) async fn waiting_lanes(pool: &PgPool, now: OffsetDateTime) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT head.lane
         FROM (SELECT lane, seq, next_at FROM channel.inbound_event
               WHERE state = 'new' ORDER BY seq LIMIT 5000) head
         GROUP BY head.lane
         HAVING (array_agg(head.next_at ORDER BY head.seq))[1] <= $1
         ORDER BY min(head.seq) LIMIT 64",
        now,
    )
    .fetch_all(pool)
    .await?)
}

/// Takes a lane until the end of the transaction; false when somebody else has it.
pub(super) async fn lock_lane(db: &mut PgConnection, lane: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended('channel.lane ' || $1, 0)) AS "locked!""#,
        lane,
    )
    .fetch_one(db)
    .await?)
}

pub(super) async fn head_of_lane(
    db: &mut PgConnection,
    lane: &str,
    limit: i64,
) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as!(
        Waiting,
        "SELECT seq, raw_id, event, attempts, next_at FROM channel.inbound_event
         WHERE lane = $1 AND state = 'new' ORDER BY seq LIMIT $2",
        lane,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Notes that conversation has answered, and finishes bodies that have nothing left.
pub(super) async fn delivered(db: &mut PgConnection, events: &[Waiting]) -> Result<()> {
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    sqlx::query!(
        "UPDATE channel.inbound_event SET state = 'done', error = '' WHERE seq = ANY($1)",
        &seqs,
    )
    .execute(&mut *db)
    .await?;
    finish_bodies(db, events).await
}

/// Notes that conversation refuses an event.
pub(super) async fn refused(
    db: &mut PgConnection,
    event: &Waiting,
    dead: bool,
    why: &str,
    next_at: OffsetDateTime,
) -> Result<()> {
    let state = if dead { "dead" } else { "new" };
    sqlx::query!(
        "UPDATE channel.inbound_event
         SET state = $2, attempts = attempts + 1, next_at = $3, error = $4 WHERE seq = $1",
        event.seq,
        state,
        next_at,
        why,
    )
    .execute(&mut *db)
    .await?;
    if dead {
        finish_bodies(db, std::slice::from_ref(event)).await?;
    }
    Ok(())
}

/// A body with a dead event is dead too, so that somebody looks at it.
async fn finish_bodies(db: &mut PgConnection, events: &[Waiting]) -> Result<()> {
    let mut bodies: Vec<i64> = events.iter().map(|event| event.raw_id).collect();
    bodies.sort_unstable();
    bodies.dedup();
    // Two lanes may finish the last events of one body at the same time; the lock makes one of
    // them see what the other has done.
    sqlx::query!(
        "SELECT id FROM channel.inbound_raw WHERE id = ANY($1) ORDER BY id FOR UPDATE",
        &bodies,
    )
    .fetch_all(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE channel.inbound_raw raw
         SET state = CASE WHEN EXISTS (SELECT FROM channel.inbound_event dead
                                       WHERE dead.raw_id = raw.id AND dead.state = 'dead')
                     THEN 'dead' ELSE 'done' END
         WHERE raw.id = ANY($1) AND raw.state = 'new'
           AND NOT EXISTS (SELECT FROM channel.inbound_event waiting
                           WHERE waiting.raw_id = raw.id AND waiting.state = 'new')",
        &bodies,
    )
    .execute(&mut *db)
    .await?;
    Ok(())
}
