//! All SQL on channel.inbound_media but what makes the jobs.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Result;

/// A file to fetch, or one that conversation has to be told of.
pub(super) struct Job {
    pub(super) channel_id: i64,
    pub(super) ext_key: String,
    pub(super) company_id: i64,
    pub(super) kind: String,
    pub(super) provider_file_id: String,
    pub(super) name: String,
    /// Set once it is stored.
    pub(super) filename: Option<String>,
    pub(super) attempts: i32,
}

/// Leases jobs that are due and whose event conversation has taken, those that wait longest
/// first. What was not tried yet is due, whatever the clock of the replica that found it said.
pub(super) async fn claim(
    pool: &PgPool,
    name: Uuid,
    now: OffsetDateTime,
    until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Job>> {
    Ok(sqlx::query_as!(
        Job,
        "UPDATE channel.inbound_media held SET leased_by = $1, lease_until = $3
         FROM (SELECT file.channel_id, file.ext_key FROM channel.inbound_media file
               JOIN channel.inbound_event event
                 ON event.channel_id = file.channel_id AND event.ext_key = file.ext_key
               WHERE file.state IN ('waiting', 'stored')
                 AND (file.next_at <= $2 OR file.attempts = 0 AND file.state = 'waiting')
                 AND (file.lease_until IS NULL OR file.lease_until < $2)
                 AND event.state = 'done'
               ORDER BY file.next_at LIMIT $4
               FOR UPDATE OF file SKIP LOCKED) due
         WHERE held.channel_id = due.channel_id AND held.ext_key = due.ext_key
         RETURNING held.channel_id, held.ext_key, held.company_id, held.kind,
                   held.provider_file_id, held.name, held.filename, held.attempts",
        name,
        now,
        until,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Holds a job for longer; false when somebody else has it.
pub(super) async fn renew(
    pool: &PgPool,
    job: &Job,
    name: Uuid,
    until: OffsetDateTime,
) -> Result<bool> {
    let renewed = sqlx::query!(
        "UPDATE channel.inbound_media SET lease_until = $4
         WHERE channel_id = $1 AND ext_key = $2 AND leased_by = $3",
        job.channel_id,
        job.ext_key,
        name,
        until,
    )
    .execute(pool)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Lets others have a job, as it was.
pub(super) async fn release(pool: &PgPool, job: &Job, name: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.inbound_media SET leased_by = NULL, lease_until = NULL
         WHERE channel_id = $1 AND ext_key = $2 AND leased_by = $3",
        job.channel_id,
        job.ext_key,
        name,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that the file is stored; the lease goes on for telling. False when somebody else has
/// the job.
pub(super) async fn stored(
    db: &mut PgConnection,
    job: &Job,
    name: Uuid,
    filename: &str,
) -> Result<bool> {
    let noted = sqlx::query!(
        "UPDATE channel.inbound_media
         SET state = 'stored', filename = $4, attempts = 0, error = ''
         WHERE channel_id = $1 AND ext_key = $2 AND leased_by = $3 AND state = 'waiting'",
        job.channel_id,
        job.ext_key,
        name,
        filename,
    )
    .execute(db)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Notes that conversation knows.
pub(super) async fn done(pool: &PgPool, job: &Job, name: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.inbound_media
         SET state = 'done', error = '', leased_by = NULL, lease_until = NULL
         WHERE channel_id = $1 AND ext_key = $2 AND leased_by = $3",
        job.channel_id,
        job.ext_key,
        name,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes a failure: the next attempt is at `next_at`, or there is none.
pub(super) async fn put_off(
    pool: &PgPool,
    job: &Job,
    name: Uuid,
    attempts: i32,
    next_at: Option<OffsetDateTime>,
    why: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.inbound_media
         SET state = CASE WHEN $5::timestamptz IS NULL THEN 'failed' ELSE state END,
             attempts = $4, next_at = COALESCE($5, next_at), error = $6,
             leased_by = NULL, lease_until = NULL
         WHERE channel_id = $1 AND ext_key = $2 AND leased_by = $3",
        job.channel_id,
        job.ext_key,
        name,
        attempts,
        next_at,
        why,
    )
    .execute(pool)
    .await?;
    Ok(())
}
