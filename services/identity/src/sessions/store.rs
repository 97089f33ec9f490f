//! SQL on `identity.session`.

use auth::{CompanyId, DepartmentId, Role, UserId};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Candidate, NewSession};

/// The user with a login address, case aside.
pub async fn candidate(db: &PgPool, email: &str) -> Result<Option<Candidate>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT u.user_id AS "id: UserId", u.company_id AS "company: CompanyId",
                  u.department_id AS "department: DepartmentId", u.role, u.name, u.email,
                  u.phone, (u.active AND c.active IS NOT FALSE) AS "active!", u.password_phc
           FROM identity.users u LEFT JOIN identity.company c USING (company_id)
           WHERE lower(u.email) = lower($1)"#,
        email
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| {
        Some(Candidate {
            id: row.id,
            company: row.company,
            department: row.department,
            role: Role::of(row.role)?,
            name: row.name,
            email: row.email,
            phone: row.phone,
            active: row.active,
            password_phc: row.password_phc,
        })
    }))
}

/// What the token of a new session has to say.
pub struct Opened {
    pub generation: i32,
    pub epoch: i64,
}

/// Opens a session for a user who is still active and has still the password
/// that was verified.
pub async fn open(
    db: &PgPool,
    user: &Candidate,
    session: &NewSession,
) -> Result<Option<Opened>, sqlx::Error> {
    sqlx::query_as!(
        Opened,
        "INSERT INTO identity.session
             (sid, user_id, client_id, device_id, family, epoch,
              created_at, expires_at, idle_seconds, last_used_at)
         SELECT $1, user_id, $3, $4, $1, epoch, $5, $6, $7, $5
         FROM identity.users WHERE user_id = $2 AND active AND password_phc = $8
         RETURNING generation, epoch",
        session.sid,
        user.id.0,
        session.client,
        session.device,
        session.created_at,
        session.expires_at,
        session.idle_seconds,
        user.password_phc
    )
    .fetch_optional(db)
    .await
}

/// Ends a session for good.
pub async fn revoke(db: &PgPool, sid: Uuid, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.session SET revoked_at = $2 WHERE sid = $1 AND revoked_at IS NULL",
        sid,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes when sessions were last used.
pub async fn used(db: &PgPool, sids: &[Uuid], at: &[OffsetDateTime]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.session SET last_used_at = greatest(last_used_at, used.at)
         FROM unnest($1::uuid[], $2::timestamptz[]) AS used (sid, at)
         WHERE session.sid = used.sid",
        sids,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes sessions that ended before a time, some at once; answers how many.
pub async fn remove_ended(db: &PgPool, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "DELETE FROM identity.session WHERE sid IN (
             SELECT sid FROM identity.session WHERE expires_at < $1 LIMIT 1000
         )",
        before
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
