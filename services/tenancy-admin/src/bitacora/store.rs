//! SQL on the access log.

use sqlx::PgPool;

/// The first id of the next block.
pub async fn next_block(db: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT nextval('tenancy.bitacora_block') AS "first!""#)
        .fetch_one(db)
        .await
}
