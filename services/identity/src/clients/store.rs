//! SQL on `identity.api_client` and its secrets.

use auth::{ClientId, CompanyId};
use postgres::Page;
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};

use super::{ApiClient, ClientRow, ForgotMode, Limits, Selection, authority_of};

/// Adds a client; the constraint `api_client_consumo` judges the name.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    client: &ClientRow<'_>,
) -> Result<ClientId, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO identity.api_client
               (consumo, name, authority, company_id, scopes, ip_allow, requests_per_minute,
                burst, requests_per_day, forgot_mode, reset_link_bases, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           RETURNING client_id AS "id: ClientId""#,
        client.consumo,
        client.name,
        client.authority,
        client.company,
        client.scopes,
        &client.ip_allow,
        client.per_minute,
        client.burst,
        client.per_day,
        client.forgot_mode,
        client.reset_link_bases,
        now
    )
    .fetch_one(db)
    .await
}

/// Adds a client under a fixed id, unless the id or the name is taken; says
/// whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    id: ClientId,
    client: &ClientRow<'_>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO identity.api_client
             (client_id, consumo, name, authority, company_id, scopes, ip_allow,
              requests_per_minute, burst, requests_per_day, forgot_mode, reset_link_bases,
              created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT DO NOTHING",
        id.0,
        client.consumo,
        client.name,
        client.authority,
        client.company,
        client.scopes,
        &client.ip_allow,
        client.per_minute,
        client.burst,
        client.per_day,
        client.forgot_mode,
        client.reset_link_bases,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the next generated id larger than any present one.
pub async fn move_sequence(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT setval(
             pg_get_serial_sequence('identity.api_client', 'client_id'),
             (SELECT max(client_id) FROM identity.api_client)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// What a change has to know about a client first.
pub struct Locked {
    pub company: Option<CompanyId>,
    pub scopes: Vec<String>,
    pub active: bool,
}

/// Locks a client against a second change.
pub async fn lock(db: &mut PgConnection, id: ClientId) -> Result<Option<Locked>, sqlx::Error> {
    sqlx::query_as!(
        Locked,
        r#"SELECT company_id AS "company: CompanyId", scopes, active
           FROM identity.api_client WHERE client_id = $1 FOR UPDATE"#,
        id.0
    )
    .fetch_optional(db)
    .await
}

/// The id behind a public name.
pub async fn id_of(db: &PgPool, consumo: &str) -> Result<Option<ClientId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT client_id AS "id: ClientId" FROM identity.api_client WHERE consumo = $1"#,
        consumo
    )
    .fetch_optional(db)
    .await
}

/// A page of clients in order of id.
pub async fn select(
    db: &PgPool,
    selection: Selection,
    page: Page,
    now: OffsetDateTime,
) -> Result<Vec<ApiClient>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT c.client_id AS "id: ClientId", c.consumo, c.name, c.authority,
                  c.company_id AS "company: CompanyId", c.scopes, c.ip_allow,
                  c.requests_per_minute, c.burst, c.requests_per_day, c.forgot_mode,
                  c.reset_link_bases, c.active, c.created_at, c.last_used_at,
                  k.secrets AS "secrets!", k.old_secret_expires_at
           FROM identity.api_client c
           CROSS JOIN LATERAL (
               SELECT count(*) AS secrets, max(not_after) AS old_secret_expires_at
               FROM identity.api_client_secret
               WHERE client_id = c.client_id AND (not_after IS NULL OR not_after > $4)
           ) k
           WHERE ($1::bigint IS NULL OR c.client_id = $1)
             AND ($2::bigint IS NULL OR c.company_id = $2)
             AND ($3::boolean IS NULL OR c.active = $3)
           ORDER BY c.client_id
           LIMIT $5 OFFSET $6"#,
        selection.id.map(|id| id.0),
        selection.company,
        selection.active,
        now,
        page.limit(),
        page.offset()
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(ApiClient {
                id: row.id,
                consumo: row.consumo,
                name: row.name,
                authority: authority_of(&row.authority)?,
                company: row.company,
                scopes: row.scopes,
                ip_allow: row.ip_allow,
                limits: limits(row.requests_per_minute, row.burst, row.requests_per_day),
                forgot_mode: ForgotMode::of(&row.forgot_mode)?,
                reset_link_bases: row.reset_link_bases,
                active: row.active,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                secrets: u32::try_from(row.secrets).unwrap_or(0),
                old_secret_expires_at: row.old_secret_expires_at,
            })
        })
        .collect())
}

/// Limits as the table keeps them, where none is negative.
pub fn limits(per_minute: i32, burst: i32, per_day: i64) -> Limits {
    Limits {
        per_minute: per_minute.unsigned_abs(),
        burst: burst.unsigned_abs(),
        per_day: per_day.unsigned_abs(),
    }
}

/// How many clients there are.
pub async fn count(db: &PgPool, selection: Selection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM identity.api_client
           WHERE ($1::bigint IS NULL OR client_id = $1)
             AND ($2::bigint IS NULL OR company_id = $2)
             AND ($3::boolean IS NULL OR active = $3)"#,
        selection.id.map(|id| id.0),
        selection.company,
        selection.active
    )
    .fetch_one(db)
    .await
}

/// Switches a client off; its secrets are gone.
pub async fn disable(db: &mut PgConnection, id: ClientId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.api_client SET active = false WHERE client_id = $1",
        id.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM identity.api_client_secret WHERE client_id = $1",
        id.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends the sessions that were opened through a client.
pub async fn end_sessions(
    db: &mut PgConnection,
    id: ClientId,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.session SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL",
        id.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes when clients were last used, where the last note is older than
/// `exact_to`.
pub async fn used(
    db: &PgPool,
    clients: &[i64],
    at: &[OffsetDateTime],
    exact_to: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.api_client SET last_used_at = used.at
         FROM unnest($1::bigint[], $2::timestamptz[]) AS used (id, at)
         WHERE client_id = used.id
           AND (last_used_at IS NULL
                OR last_used_at < used.at - make_interval(secs => $3::double precision))",
        clients,
        at,
        exact_to.as_seconds_f64()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The slot of the newest secret.
pub async fn newest_slot(db: &mut PgConnection, id: ClientId) -> Result<Option<i16>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT slot FROM identity.api_client_secret WHERE client_id = $1
         ORDER BY not_after DESC NULLS FIRST LIMIT 1",
        id.0
    )
    .fetch_optional(db)
    .await
}

/// Sets until when a secret is good.
pub async fn end_secret(
    db: &mut PgConnection,
    id: ClientId,
    slot: i16,
    not_after: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.api_client_secret SET not_after = $3
         WHERE client_id = $1 AND slot = $2",
        id.0,
        slot,
        not_after
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts a secret without end into a slot, in place of what was there.
pub async fn put_secret(
    db: &mut PgConnection,
    id: ClientId,
    slot: i16,
    mac: &[u8],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.api_client_secret (client_id, slot, mac, created_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id, slot)
         DO UPDATE SET mac = excluded.mac, created_at = excluded.created_at, not_after = NULL",
        id.0,
        slot,
        mac,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How a client recovers passwords.
pub async fn recovery(
    db: &PgPool,
    id: ClientId,
) -> Result<Option<(ForgotMode, Vec<String>)>, sqlx::Error> {
    let row = sqlx::query!(
        "SELECT forgot_mode, reset_link_bases FROM identity.api_client WHERE client_id = $1",
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| Some((ForgotMode::of(&row.forgot_mode)?, row.reset_link_bases))))
}
