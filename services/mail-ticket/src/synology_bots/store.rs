//! SQL on `mail.synology_bot`.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// Adds an active bot that is not answered, unless its token is known.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    name: &str,
    token_digest: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.synology_bot (name, token_digest, created_at)
         VALUES ($1, $2, $3) ON CONFLICT (token_digest) DO NOTHING",
        name,
        token_digest,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
