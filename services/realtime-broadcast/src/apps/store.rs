//! SQL on `realtime.app`.

use sqlx::{PgConnection, PgPool};

/// An app as stored.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) company_id: i64,
    pub(super) key: String,
    pub(super) secret_sealed: Vec<u8>,
    pub(super) enabled: bool,
    pub(super) max_connections: i32,
    pub(super) max_members: i32,
}

pub(super) async fn with_key(pool: &PgPool, key: &str) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "SELECT id, company_id, key, secret_sealed, enabled, max_connections, max_members
         FROM realtime.app WHERE key = $1",
        key
    )
    .fetch_optional(pool)
    .await
}

pub(super) async fn of_company(pool: &PgPool, company: i64) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "SELECT id, company_id, key, secret_sealed, enabled, max_connections, max_members
         FROM realtime.app WHERE company_id = $1",
        company
    )
    .fetch_optional(pool)
    .await
}

pub(super) async fn id_of_company(
    db: &mut PgConnection,
    company: i64,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!("SELECT id FROM realtime.app WHERE company_id = $1", company)
        .fetch_optional(db)
        .await
}

/// Inserts an app unless the company has one.
pub(super) async fn insert(
    db: &mut PgConnection,
    company: i64,
    key: &str,
    sealed: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO realtime.app (company_id, key, secret_sealed) VALUES ($1, $2, $3)
         ON CONFLICT (company_id) DO NOTHING",
        company,
        key,
        sealed
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn switch(db: &mut PgConnection, app: i64, on: bool) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query!(
        "UPDATE realtime.app SET enabled = $2 WHERE id = $1 AND enabled <> $2",
        app,
        on
    )
    .execute(db)
    .await?;
    Ok(changed.rows_affected() == 1)
}

pub(super) async fn fix(
    pool: &PgPool,
    company: i64,
    key: &str,
    sealed: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO realtime.app (company_id, key, secret_sealed) VALUES ($1, $2, $3)
         ON CONFLICT (company_id) DO UPDATE SET key = $2, secret_sealed = $3",
        company,
        key,
        sealed
    )
    .execute(pool)
    .await?;
    Ok(())
}
