//! All SQL of the worker.

mod attachments;
mod found;
mod news;
mod tidy;

use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};

pub(super) use self::tidy::{adopt_orphans, remove_old};
use self::{attachments::Attachments, found::Rows, news::News};
use super::explode::{Content, Event, Found};
use crate::error::{Error, Result};

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

impl Waiting {
    /// Says whether it may be told now. What was not tried yet may, whatever the clock of the
    /// replica that found it said.
    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        self.attempts == 0 || self.next_at <= now
    }
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

/// The oldest bodies that wait: at most `limit`, and no more once `bytes` are reached. What was
/// not tried yet is due, whatever the clock of the replica that stored it said.
pub(super) async fn claim(
    db: &mut PgConnection,
    now: OffsetDateTime,
    limit: i64,
    bytes: i64,
) -> Result<Vec<Body>> {
    Ok(sqlx::query_as!(
        Body,
        "SELECT raw.id, raw.source, raw.verified_channels, raw.body AS content, raw.signature,
                raw.received_at, raw.attempts
         FROM channel.inbound_raw raw
         JOIN (SELECT id, sum(size) OVER (ORDER BY id) - size AS before
               FROM (SELECT id, octet_length(body) AS size FROM channel.inbound_raw
                     WHERE state = 'new' AND exploded_at IS NULL
                       AND (attempts = 0 OR next_at <= $1)
                     ORDER BY id LIMIT $2) oldest) waiting USING (id)
         WHERE waiting.before < $3
         ORDER BY raw.id
         FOR UPDATE OF raw SKIP LOCKED",
        now,
        limit,
        bytes,
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
    found: Result<Found>,
    attempts: i32,
    now: OffsetDateTime,
) -> Result<u64> {
    let events = match found {
        Err(error @ Error::Database(_)) => return Err(error),
        Err(error) => {
            tracing::warn!(id = body.id, %error, "a webhook cannot be read now");
            // Once the key is back, the secret opens again.
            let most = match error {
                Error::Sealed(_) => i32::MAX,
                _ => attempts,
            };
            postpone(db, body, most, &error.to_string(), now).await?;
            return Ok(0);
        }
        Ok(Found::Unreadable(why)) => {
            tracing::warn!(id = body.id, why, "a webhook is dead");
            kill(db, body.id, &why).await?;
            return Ok(0);
        }
        Ok(Found::Events { events, ignored }) => {
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
            if matches!(error, Error::Database(_)) {
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
    let news = News::of(&events);
    let adopted = news.adopt(db, now).await?;
    let mut messages = news.messages(db).await?.into_iter();
    let attachments = Attachments::of(&events);
    let mut rows = Rows::default();
    for event in events {
        let message_id = match &event.content {
            Content::Status { .. } => messages.next().unwrap_or(0),
            Content::Message(_) => 0,
        };
        rows.push(event, message_id, body.received_at);
    }
    let stored = rows.insert(db, body.id, now).await?;
    attachments.insert(db, body.id, now).await?;
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

/// The first events of a lane, in order.
pub(super) async fn head_of_lane(pool: &PgPool, lane: &str, limit: i64) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as!(
        Waiting,
        "SELECT seq, raw_id, event, attempts, next_at FROM channel.inbound_event
         WHERE lane = $1 AND state = 'new' ORDER BY seq LIMIT $2",
        lane,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Notes that conversation has answered, and finishes bodies that have nothing left.
pub(super) async fn delivered(pool: &PgPool, events: &[Waiting]) -> Result<()> {
    let mut transaction = pool.begin().await?;
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    sqlx::query!(
        "UPDATE channel.inbound_event SET state = 'done', error = ''
         WHERE seq = ANY($1) AND state = 'new'",
        &seqs,
    )
    .execute(&mut *transaction)
    .await?;
    finish_bodies(&mut transaction, events).await?;
    Ok(transaction.commit().await?)
}

/// Notes that conversation refuses an event.
pub(super) async fn refused(
    pool: &PgPool,
    event: &Waiting,
    dead: bool,
    why: &str,
    next_at: OffsetDateTime,
) -> Result<()> {
    let state = if dead { "dead" } else { "new" };
    let mut transaction = pool.begin().await?;
    sqlx::query!(
        "UPDATE channel.inbound_event
         SET state = $2, attempts = attempts + 1, next_at = $3, error = $4
         WHERE seq = $1 AND state = 'new'",
        event.seq,
        state,
        next_at,
        why,
    )
    .execute(&mut *transaction)
    .await?;
    if dead {
        finish_bodies(&mut transaction, std::slice::from_ref(event)).await?;
    }
    Ok(transaction.commit().await?)
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
