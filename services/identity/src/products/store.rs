//! SQL on `identity.sso_product`.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// Adds a product unless its alias is taken.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    alias: &str,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.sso_product (alias, name, created_at)
         VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
        alias,
        name,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
