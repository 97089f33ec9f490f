//! SQL on `realtime.channel` and `realtime.frame`.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use crate::frames::Frame;

/// Locks the channel until the transaction ends and answers the next offset.
pub(super) async fn next_offset(
    db: &mut PgConnection,
    app: i64,
    wire: &str,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "INSERT INTO realtime.channel AS c (app_id, wire_name, last_offset) VALUES ($1, $2, 1)
         ON CONFLICT (app_id, wire_name) DO UPDATE SET last_offset = c.last_offset + 1
         RETURNING last_offset",
        app,
        wire
    )
    .fetch_one(db)
    .await
}

pub(super) async fn insert(
    db: &mut PgConnection,
    app: i64,
    offset: i64,
    frame: &Frame,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"INSERT INTO realtime.frame (app_id, wire_name, "offset", event, data_json, created_at)
           VALUES ($1, $2, $3, $4, $5, $6)"#,
        app,
        frame.wire.as_str(),
        offset,
        frame.event,
        frame.data_json,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn remove_before(pool: &PgPool, limit: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query!("DELETE FROM realtime.frame WHERE created_at < $1", limit)
        .execute(pool)
        .await?;
    Ok(())
}
