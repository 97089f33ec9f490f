//! All SQL on channel.media.

use auth::{ChannelId, CompanyId};
use bytes::Bytes;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::Media;
use crate::error::Result;

struct Row {
    mime: String,
    sha256: Vec<u8>,
    content: Vec<u8>,
}

pub(super) async fn insert(
    pool: &PgPool,
    company: CompanyId,
    channel: ChannelId,
    filename: &str,
    mime: &str,
    content: &Bytes,
    now: OffsetDateTime,
) -> Result<()> {
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    sqlx::query!(
        "INSERT INTO channel.media
             (filename, company_id, channel_id, mime, sha256, content, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        filename,
        company.0,
        channel.0,
        mime,
        sha256.as_ref(),
        &content[..],
        now,
    )
    .execute(pool)
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
