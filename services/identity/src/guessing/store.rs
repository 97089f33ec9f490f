//! SQL on `identity.login_origin`.

use auth::UserId;
use sqlx::PgPool;
use time::OffsetDateTime;

/// No login address has more bytes.
const LONGEST: usize = 1024;

/// From where there was a login to an account.
pub struct Known {
    pub network: bool,
    pub device: bool,
    /// How many of the two were remembered today.
    pub today: i64,
}

/// Says whether there was a login to the account with an address from a network,
/// or from a device, since a time; `today` began a day ago.
pub async fn known(
    db: &PgPool,
    email: &str,
    network: &[u8],
    device: &[u8],
    since: OffsetDateTime,
    today: OffsetDateTime,
) -> Result<Known, sqlx::Error> {
    // Nobody has such an address, and PostgreSQL keeps none with this character.
    let is_none = email.len() > LONGEST || email.contains('\0');
    let email = if is_none { "" } else { email };
    sqlx::query_as!(
        Known,
        r#"SELECT coalesce(bool_or(o.origin = $2), false) AS "network!",
                  coalesce(bool_or(o.origin = $3), false) AS "device!",
                  count(*) FILTER (WHERE o.last_at > $5) AS "today!"
           FROM identity.users u JOIN identity.login_origin o USING (user_id)
           WHERE lower(u.email) = lower($1) AND o.origin IN ($2, $3) AND o.last_at > $4"#,
        email,
        network,
        device,
        since,
        today
    )
    .fetch_one(db)
    .await
}

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
