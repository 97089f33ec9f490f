//! SQL on `identity.adi_system` and `identity.adi_token`.

use auth::UserId;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{NewToken, Redeemed, System};

/// Adds a system unless its alias is known; says whether it did.
pub async fn insert_system(
    db: &mut PgConnection,
    now: OffsetDateTime,
    alias: &str,
    active: bool,
    secret_mac: &[u8],
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO identity.adi_system (alias, active, secret_mac, created_at, changed_at)
         VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (alias) DO NOTHING",
        alias,
        active,
        secret_mac,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets what is given; answers the state. A new secret and switching off void the
/// tokens that are out.
pub async fn change_system(
    db: &mut PgConnection,
    now: OffsetDateTime,
    alias: &str,
    active: Option<bool>,
    secret_mac: Option<&[u8]>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        "UPDATE identity.adi_system SET
             active = coalesce($3, active),
             secret_mac = coalesce($4, secret_mac),
             generation = generation
                 + CASE WHEN $4::bytea IS NOT NULL OR NOT coalesce($3, true) THEN 1 ELSE 0 END,
             changed_at = $2
         WHERE alias = $1
         RETURNING active",
        alias,
        now,
        active,
        secret_mac
    )
    .fetch_one(db)
    .await
}

/// A system by its alias.
pub async fn system(db: &mut PgConnection, alias: &str) -> Result<Option<System>, sqlx::Error> {
    sqlx::query_as!(
        System,
        "SELECT system_id AS id, active, secret_mac, generation
         FROM identity.adi_system WHERE alias = $1",
        alias
    )
    .fetch_optional(db)
    .await
}

/// Says whether an address is that of a user.
pub async fn has_email(
    db: &mut PgConnection,
    user: UserId,
    email: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM identity.users WHERE user_id = $1 AND lower(email) = lower($2)
           ) AS "own!""#,
        user.0,
        email
    )
    .fetch_one(db)
    .await
}

/// Adds a token.
pub async fn insert_token(
    db: &mut PgConnection,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
    token: &NewToken<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.adi_token
             (mac, system_id, generation, client_id, company_id, username, email,
              created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        token.mac,
        token.system,
        token.generation,
        token.client,
        token.company,
        token.username,
        token.email,
        now,
        expires_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who redeems.
pub struct Redeemer<'a> {
    /// The company it is confined to.
    pub company: Option<i64>,
    /// The systems it is confined to.
    pub systems: Option<&'a [String]>,
    /// The system it expects.
    pub expected: Option<&'a str>,
}

/// Voids a token that is good for the redeemer, in one statement: of two that come
/// at once, one finds it used.
pub async fn redeem(
    db: &mut PgConnection,
    now: OffsetDateTime,
    mac: &[u8],
    by: &Redeemer<'_>,
) -> Result<Option<Redeemed>, sqlx::Error> {
    sqlx::query_as!(
        Redeemed,
        "UPDATE identity.adi_token t SET used_at = $2
         FROM identity.adi_system s
         WHERE t.mac = $1 AND t.used_at IS NULL AND t.expires_at > $2
           AND s.system_id = t.system_id AND s.active AND s.generation = t.generation
           AND ($3::bigint IS NULL OR t.company_id = $3)
           AND ($4::text[] IS NULL OR s.alias = ANY ($4))
           AND ($5::text IS NULL OR s.alias = $5)
         RETURNING t.username, t.email, s.alias AS system",
        mac,
        now,
        by.company,
        by.systems,
        by.expected
    )
    .fetch_optional(db)
    .await
}

/// Removes tokens that expired before a time, some at once; answers how many.
pub async fn remove_expired(db: &PgPool, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "DELETE FROM identity.adi_token WHERE mac IN (
             SELECT mac FROM identity.adi_token WHERE expires_at < $1 LIMIT 1000
         )",
        before
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
