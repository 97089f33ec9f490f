//! SQL on `identity.sso_product`.

use sqlx::{PgConnection, PgPool};
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

/// Says whether an alias is that of an active product.
pub async fn is_active(db: &PgPool, alias: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM identity.sso_product WHERE alias = $1 AND active
           ) AS "active!""#,
        alias
    )
    .fetch_one(db)
    .await
}
