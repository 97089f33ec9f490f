//! SQL on `identity.signing_key`.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::StoredKey;

/// The key that signs for an issuer.
pub async fn active(db: &PgPool, issuer: &str) -> Result<Option<StoredKey>, sqlx::Error> {
    sqlx::query_as!(
        StoredKey,
        "SELECT kid, issuer, public_key, private_sealed, active, not_before, not_after
         FROM identity.signing_key WHERE issuer = $1 AND active",
        issuer
    )
    .fetch_optional(db)
    .await
}

/// The keys whose tokens may still be good, the oldest first; of every issuer
/// when none is named.
pub async fn trusted(
    db: &PgPool,
    issuer: Option<&str>,
    now: OffsetDateTime,
) -> Result<Vec<StoredKey>, sqlx::Error> {
    sqlx::query_as!(
        StoredKey,
        "SELECT kid, issuer, public_key, private_sealed, active, not_before, not_after
         FROM identity.signing_key
         WHERE ($1::text IS NULL OR issuer = $1) AND (not_after IS NULL OR not_after > $2)
         ORDER BY not_before, kid",
        issuer,
        now
    )
    .fetch_all(db)
    .await
}

/// Adds an active key, unless the issuer has one.
pub async fn insert(db: &PgPool, key: &StoredKey) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.signing_key
             (kid, issuer, public_key, private_sealed, active, not_before, not_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (issuer) WHERE active DO NOTHING",
        key.kid,
        key.issuer,
        key.public_key,
        key.private_sealed,
        key.active,
        key.not_before,
        key.not_after
    )
    .execute(db)
    .await?;
    Ok(())
}
