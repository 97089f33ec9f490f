//! SQL on `identity.login_origin`.

use auth::UserId;
use sqlx::PgPool;
use time::OffsetDateTime;

/// Remembers origins of a user; one of today is left as it is.
pub async fn remember(
    db: &PgPool,
    user: UserId,
    origins: &[Vec<u8>],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.login_origin (user_id, origin, last_at)
         SELECT $1, origin, $3 FROM unnest($2::bytea[]) AS origin
         ON CONFLICT (user_id, origin) DO UPDATE SET last_at = $3
         WHERE login_origin.last_at < $3 - interval '1 day'",
        user.0,
        origins,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets origins that were last used before a time, some at once; answers how
/// many.
pub async fn forget(db: &PgPool, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "DELETE FROM identity.login_origin WHERE (user_id, origin) IN (
             SELECT user_id, origin FROM identity.login_origin WHERE last_at < $1 LIMIT 1000
         )",
        before
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
