//! SQL on `tenancy.security_event`.

use auth::Caller;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::SecurityEvent;

/// Writes an event.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    by: &Caller,
    event: SecurityEvent,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO tenancy.security_event
             (at, kind, company_id, subject_id, by_user_id, by_client_id, by_service,
              bitacora_id, details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        now,
        event.kind.name(),
        event.company.map(|company| company.0),
        event.subject,
        by.user.as_ref().map(|user| user.id.0),
        by.client.as_ref().map(|client| client.id.0),
        &*by.service,
        by.bitacora.map(|bitacora| bitacora.0),
        event.details,
    )
    .execute(db)
    .await?;
    Ok(())
}
