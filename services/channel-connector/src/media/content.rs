//! All SQL on channel.content: content in pieces, each content once in a company.

use auth::CompanyId;
use bytes::Bytes;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Result;

/// The length of every piece but the last, in bytes.
pub(super) const PIECE: usize = 256 * 1024;

/// How many pieces a content of that many bytes has.
pub(super) fn pieces(size: i64) -> i32 {
    let whole = usize::try_from(size).unwrap_or(0).div_ceil(PIECE);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

/// Begins a content that grows piece by piece.
pub(super) async fn begin(pool: &PgPool, company: CompanyId, now: OffsetDateTime) -> Result<Uuid> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO channel.content (id, company_id, created_at) VALUES ($1, $2, $3)",
        id,
        company.0,
        now,
    )
    .execute(pool)
    .await?;
    Ok(id)
}

/// Adds a piece to a content that was begun.
pub(super) async fn write(pool: &PgPool, id: Uuid, place: i32, bytes: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO channel.content_piece (content_id, place, bytes) VALUES ($1, $2, $3)",
        id,
        place,
        bytes,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Ends a content that was begun. When the company has it already, that is answered, and the
/// new one is gone.
pub(super) async fn finish(
    db: &mut PgConnection,
    id: Uuid,
    company: CompanyId,
    sha256: &[u8],
    size: i64,
) -> Result<Uuid> {
    if let Some(known) = known(db, company, sha256).await? {
        sqlx::query!("DELETE FROM channel.content WHERE id = $1", id)
            .execute(db)
            .await?;
        return Ok(known);
    }
    sqlx::query!(
        "UPDATE channel.content SET sha256 = $2, size = $3 WHERE id = $1",
        id,
        sha256,
        size,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// Stores a content that is here as a whole, unless the company has it.
pub(super) async fn put(
    db: &mut PgConnection,
    company: CompanyId,
    sha256: &[u8],
    content: &Bytes,
    now: OffsetDateTime,
) -> Result<Uuid> {
    if let Some(known) = known(db, company, sha256).await? {
        return Ok(known);
    }
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO channel.content (id, company_id, sha256, size, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        id,
        company.0,
        sha256,
        i64::try_from(content.len()).unwrap_or(i64::MAX),
        now,
    )
    .execute(&mut *db)
    .await?;
    for (place, piece) in (0_i32..).zip(content.chunks(PIECE)) {
        sqlx::query!(
            "INSERT INTO channel.content_piece (content_id, place, bytes) VALUES ($1, $2, $3)",
            id,
            place,
            piece,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(id)
}

/// The finished content of that digest. It stays until the transaction ends, and nobody else
/// finishes the same one before.
async fn known(db: &mut PgConnection, company: CompanyId, sha256: &[u8]) -> Result<Option<Uuid>> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(
             hashtextextended('channel.content ' || $1::bigint || encode($2::bytea, 'hex'), 0))",
        company.0,
        sha256,
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(sqlx::query_scalar!(
        "SELECT id FROM channel.content WHERE company_id = $1 AND sha256 = $2 FOR KEY SHARE",
        company.0,
        sha256,
    )
    .fetch_optional(db)
    .await?)
}

/// A piece of a content.
pub(super) async fn read(pool: &PgPool, id: Uuid, place: i32) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar!(
        "SELECT bytes FROM channel.content_piece WHERE content_id = $1 AND place = $2",
        id,
        place,
    )
    .fetch_optional(pool)
    .await?)
}

/// Removes a content that was begun and will not be finished.
pub(super) async fn discard(pool: &PgPool, id: Uuid) -> Result<()> {
    sqlx::query!(
        "DELETE FROM channel.content WHERE id = $1 AND sha256 IS NULL",
        id
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Removes contents whose writer has died; answers how many.
pub(crate) async fn remove_unfinished(
    pool: &PgPool,
    before: OffsetDateTime,
    limit: i64,
) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM channel.content WHERE sha256 IS NULL AND id IN
             (SELECT id FROM channel.content
              WHERE sha256 IS NULL AND created_at < $1 ORDER BY created_at LIMIT $2)",
        before,
        limit,
    )
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}
