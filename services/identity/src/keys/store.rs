//! SQL on `identity.signing_key`.

use sqlx::{PgConnection, PgPool};
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

/// The keys of an issuer whose tokens may still be good, the oldest first.
pub async fn trusted(
    db: &PgPool,
    issuer: &str,
    now: OffsetDateTime,
) -> Result<Vec<StoredKey>, sqlx::Error> {
    sqlx::query_as!(
        StoredKey,
        "SELECT kid, issuer, public_key, private_sealed, active, not_before, not_after
         FROM identity.signing_key
         WHERE issuer = $1 AND (not_after IS NULL OR not_after > $2)
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

/// The key that signs for an issuer, locked against being replaced twice.
pub async fn lock_active(
    db: &mut PgConnection,
    issuer: &str,
) -> Result<Option<StoredKey>, sqlx::Error> {
    sqlx::query_as!(
        StoredKey,
        "SELECT kid, issuer, public_key, private_sealed, active, not_before, not_after
         FROM identity.signing_key WHERE issuer = $1 AND active FOR UPDATE",
        issuer
    )
    .fetch_optional(db)
    .await
}

/// The key that is published and not used yet.
pub async fn next(db: &mut PgConnection, issuer: &str) -> Result<Option<StoredKey>, sqlx::Error> {
    sqlx::query_as!(
        StoredKey,
        "SELECT kid, issuer, public_key, private_sealed, active, not_before, not_after
         FROM identity.signing_key WHERE issuer = $1 AND NOT active AND not_after IS NULL
         ORDER BY not_before LIMIT 1",
        issuer
    )
    .fetch_optional(db)
    .await
}

/// Adds a key that is not used yet.
pub async fn insert_next(db: &mut PgConnection, key: &StoredKey) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.signing_key
             (kid, issuer, public_key, private_sealed, active, not_before)
         VALUES ($1, $2, $3, $4, false, $5)",
        key.kid,
        key.issuer,
        key.public_key,
        key.private_sealed,
        key.not_before
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stops signing with a key, which stays trusted until `last`, and begins with
/// another one.
pub async fn replace(
    db: &mut PgConnection,
    old: &str,
    last: OffsetDateTime,
    new: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.signing_key SET active = false, not_after = $2 WHERE kid = $1",
        old,
        last
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE identity.signing_key SET active = true WHERE kid = $1",
        new
    )
    .execute(db)
    .await?;
    Ok(())
}
