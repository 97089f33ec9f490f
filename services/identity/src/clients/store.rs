//! SQL on `identity.api_client` and its secrets.

use auth::ClientId;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::ClientRow;

/// Adds a client; the constraint `api_client_consumo` judges the name.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    client: &ClientRow<'_>,
) -> Result<ClientId, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO identity.api_client
               (consumo, name, authority, company_id, scopes, created_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           RETURNING client_id AS "id: ClientId""#,
        client.consumo,
        client.name,
        client.authority,
        client.company,
        client.scopes,
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
             (client_id, consumo, name, authority, company_id, scopes, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT DO NOTHING",
        id.0,
        client.consumo,
        client.name,
        client.authority,
        client.company,
        client.scopes,
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

/// Locks an active client against a second rotation.
pub async fn lock(db: &mut PgConnection, consumo: &str) -> Result<Option<ClientId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT client_id AS "id: ClientId" FROM identity.api_client
           WHERE consumo = $1 AND active FOR UPDATE"#,
        consumo
    )
    .fetch_optional(db)
    .await
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
