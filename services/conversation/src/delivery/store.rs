//! All SQL on news of messages.

use auth::{ChannelId, CompanyId, MessageId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{About, News, Status};
use crate::messages::Sent;

/// The most rows that one cleaning drops.
const CLEANING_BATCH: i64 = 10_000;

/// Makes everybody who deals with a provider's id take turns until the
/// transaction ends.
pub(super) async fn lock_provider_id(
    db: &mut PgConnection,
    channel: ChannelId,
    provider_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        format!("provider/{channel}/{provider_id}")
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The channel of a message.
pub(super) async fn channel_of(
    db: &mut PgConnection,
    message: MessageId,
) -> Result<Option<ChannelId>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT channel_id AS "channel: ChannelId" FROM conversation.message WHERE id = $1"#,
        message.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.flatten())
}

/// How far a message has come.
pub(super) async fn status(
    db: &mut PgConnection,
    message: MessageId,
) -> Result<Status, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT status AS "status: Status" FROM conversation.message WHERE id = $1"#,
        message.0
    )
    .fetch_one(db)
    .await
}

/// Keeps a piece of news; false when it is kept already.
pub(super) async fn keep(
    db: &mut PgConnection,
    message: &Sent,
    news: &News,
) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query!(
        "INSERT INTO conversation.message_status_event
             (message_id, channel_id, external_key, status, error_code, error, provider_ts,
              received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT ON CONSTRAINT message_status_event_once DO NOTHING",
        message.id.0,
        message.channel.0,
        news.external_key,
        news.status as Status,
        news.error_code,
        news.error,
        news.provider_time,
        news.received_at
    )
    .execute(db)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Lets a piece of news wait for its message.
pub(super) async fn park(
    db: &mut PgConnection,
    about: &About,
    news: &News,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO conversation.pending_status
             (company_id, channel_id, provider_id, external_key, status, error_code, error,
              provider_ts, received_at, parked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT ON CONSTRAINT pending_status_once DO NOTHING",
        about.company.0,
        about.channel.0,
        about.provider_id,
        news.external_key,
        news.status as Status,
        news.error_code,
        news.error,
        news.provider_time,
        news.received_at,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes out the news that waited for a message since `since` or later.
pub(super) async fn unpark(
    db: &mut PgConnection,
    company: CompanyId,
    channel: ChannelId,
    provider_id: &str,
    since: OffsetDateTime,
) -> Result<Vec<News>, sqlx::Error> {
    sqlx::query_as!(
        News,
        r#"DELETE FROM conversation.pending_status
           WHERE company_id = $1 AND channel_id = $2 AND provider_id = $3 AND parked_at >= $4
           RETURNING external_key, status AS "status: Status", error_code, error,
               provider_ts AS provider_time, received_at"#,
        company.0,
        channel.0,
        provider_id,
        since
    )
    .fetch_all(db)
    .await
}

/// Drops a batch of the news that came before `before`; says whether there may be more.
pub(super) async fn drop_kept(pool: &PgPool, before: OffsetDateTime) -> Result<bool, sqlx::Error> {
    let dropped = sqlx::query!(
        "DELETE FROM conversation.message_status_event WHERE id IN (
             SELECT id FROM conversation.message_status_event WHERE received_at < $1
             ORDER BY received_at LIMIT $2
         )",
        before,
        CLEANING_BATCH
    )
    .execute(pool)
    .await?;
    Ok(dropped.rows_affected() >= CLEANING_BATCH.unsigned_abs())
}

/// Drops news that was parked before `before`; answers how much.
pub(super) async fn drop_parked(pool: &PgPool, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let dropped = sqlx::query!(
        "DELETE FROM conversation.pending_status WHERE id IN (
             SELECT id FROM conversation.pending_status WHERE parked_at < $1 ORDER BY id LIMIT $2
         )",
        before,
        CLEANING_BATCH
    )
    .execute(pool)
    .await?;
    Ok(dropped.rows_affected())
}
