//! Audit records, written in the transaction of what they tell about.

use auth::Caller;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Something that must not go unnoticed.
pub struct Deed<'a> {
    /// Names it, such as `mailbox.disclosed`.
    pub kind: &'a str,
    pub company: i64,
    /// What it was done to, such as `mailbox-1`.
    pub subject: &'a str,
}

/// Notes who did what.
pub async fn record(
    db: &mut PgConnection,
    now: OffsetDateTime,
    caller: &Caller,
    deed: Deed<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.audit_event
             (occurred_at, kind, company_id, subject, client_id, user_id, bitacora_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        now,
        deed.kind,
        deed.company,
        deed.subject,
        caller.client.as_ref().map(|client| client.id.0),
        caller.user.as_ref().map(|user| user.id.0),
        caller.bitacora.map(|id| id.0)
    )
    .execute(db)
    .await?;
    Ok(())
}
