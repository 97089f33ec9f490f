//! All SQL on channel.media.

use auth::{ChannelId, CompanyId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Media;
use crate::error::Result;

/// A file to store.
pub(super) struct NewFile<'a> {
    pub(super) company: CompanyId,
    pub(super) channel: ChannelId,
    pub(super) idempotency_key: &'a str,
    pub(super) filename: &'a str,
    pub(super) mime: &'static str,
    pub(super) sha256: &'a [u8],
    pub(super) content: Uuid,
    /// Whether a message carries it already.
    pub(super) used: bool,
}

/// Stores a file unless the channel has it under its key; answers its name.
pub(super) async fn insert(
    db: &mut PgConnection,
    file: &NewFile<'_>,
    now: OffsetDateTime,
) -> Result<String> {
    let stored = sqlx::query!(
        "INSERT INTO channel.media
             (filename, company_id, channel_id, mime, sha256, content_id, created_at,
              idempotency_key, used)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (channel_id, idempotency_key, sha256) WHERE idempotency_key <> ''
         DO NOTHING",
        file.filename,
        file.company.0,
        file.channel.0,
        file.mime,
        file.sha256,
        file.content,
        now,
        file.idempotency_key,
        file.used,
    )
    .execute(&mut *db)
    .await?;
    if stored.rows_affected() == 1 {
        return Ok(file.filename.to_owned());
    }
    Ok(sqlx::query_scalar!(
        "SELECT filename FROM channel.media
         WHERE channel_id = $1 AND idempotency_key = $2 AND idempotency_key <> ''
           AND sha256 = $3",
        file.channel.0,
        file.idempotency_key,
        file.sha256,
    )
    .fetch_one(db)
    .await?)
}

/// Notes that a message carries a file, which is kept from then on.
pub(crate) async fn note_use(
    db: &mut PgConnection,
    company: CompanyId,
    filename: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.media SET used = true
         WHERE filename = $1 AND company_id = $2 AND NOT used",
        filename,
        company.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that no message will carry a file.
pub(super) async fn note_no_use(
    db: &mut PgConnection,
    company: CompanyId,
    filename: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.media SET used = false WHERE filename = $1 AND company_id = $2",
        filename,
        company.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes files that no message has come to carry, and content that no file has any more;
/// answers how many files.
pub(crate) async fn remove_unused(
    pool: &PgPool,
    before: OffsetDateTime,
    limit: i64,
) -> Result<u64> {
    let mut transaction = pool.begin().await?;
    let gone = sqlx::query_scalar!(
        "DELETE FROM channel.media WHERE filename IN
             (SELECT filename FROM channel.media WHERE NOT used AND created_at < $1 LIMIT $2)
           AND NOT used
         RETURNING content_id",
        before,
        limit,
    )
    .fetch_all(&mut *transaction)
    .await?;
    sqlx::query!(
        "DELETE FROM channel.content WHERE id = ANY($1)
           AND NOT EXISTS (SELECT FROM channel.media WHERE content_id = content.id)",
        &gone,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}

/// The file of that name; of a company, when one is named.
pub(super) async fn find(
    pool: &PgPool,
    filename: &str,
    company: Option<CompanyId>,
) -> Result<Option<Media>> {
    Ok(sqlx::query_as!(
        Media,
        "SELECT media.mime, media.sha256, content.size, media.content_id AS content
         FROM channel.media JOIN channel.content ON content.id = media.content_id
         WHERE media.filename = $1 AND ($2::bigint IS NULL OR media.company_id = $2)",
        filename,
        company.map(|company| company.0),
    )
    .fetch_optional(pool)
    .await?)
}
