//! All SQL on channel.media.

use auth::{ChannelId, CompanyId};
use bytes::Bytes;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::Media;
use crate::error::Result;

struct Row {
    mime: String,
    sha256: Vec<u8>,
    content: Vec<u8>,
}

/// A file to store.
pub(super) struct NewFile<'a> {
    pub(super) company: CompanyId,
    pub(super) channel: ChannelId,
    pub(super) idempotency_key: &'a str,
    pub(super) filename: &'a str,
    pub(super) mime: &'static str,
    pub(super) content: &'a Bytes,
}

/// Stores a file unless the channel has it under its key; answers its name.
pub(super) async fn insert(
    pool: &PgPool,
    file: &NewFile<'_>,
    now: OffsetDateTime,
) -> Result<String> {
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, file.content);
    let stored = sqlx::query!(
        "INSERT INTO channel.media
             (filename, company_id, channel_id, mime, sha256, content, created_at,
              idempotency_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (channel_id, idempotency_key, sha256) WHERE idempotency_key <> ''
         DO NOTHING",
        file.filename,
        file.company.0,
        file.channel.0,
        file.mime,
        sha256.as_ref(),
        &file.content[..],
        now,
        file.idempotency_key,
    )
    .execute(pool)
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
        sha256.as_ref(),
    )
    .fetch_one(pool)
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

/// The file of that name; of a company, when one is named.
pub(super) async fn find(
    pool: &PgPool,
    filename: &str,
    company: Option<CompanyId>,
) -> Result<Option<Media>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT mime, sha256, content FROM channel.media
         WHERE filename = $1 AND ($2::bigint IS NULL OR company_id = $2)",
        filename,
        company.map(|company| company.0),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Media {
        mime: row.mime,
        sha256: row.sha256,
        content: Bytes::from(row.content),
    }))
}
