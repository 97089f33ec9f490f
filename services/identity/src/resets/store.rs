//! SQL on `identity.password_reset`.

use auth::{ClientId, CompanyId, DepartmentId, Role, UserId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{NewRequest, StoredLink, making::Request};
use crate::users::User;

/// Writes a request down.
pub async fn insert(db: &mut PgConnection, request: &NewRequest<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.password_reset
             (selector, email, product, link_base, client_id, bitacora_id, requested_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        request.selector,
        request.email,
        request.product,
        request.link_base,
        request.client,
        request.bitacora,
        request.requested_at,
        request.expires_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says whether a user has the address whom the API client may serve.
pub async fn is_served(db: &PgPool, email: &str, client: ClientId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM identity.users u, identity.api_client a
               WHERE lower(u.email) = $1 AND a.client_id = $2
                 AND (a.authority <> 'company' OR u.role = 1 OR u.company_id = a.company_id)
           ) AS "is!""#,
        email,
        client.0
    )
    .fetch_one(db)
    .await
}

/// The oldest request without a link; nobody else takes it until the commit.
pub async fn take(db: &mut PgConnection) -> Result<Option<Request>, sqlx::Error> {
    sqlx::query_as!(
        Request,
        r#"SELECT selector, email, client_id AS "client: ClientId", bitacora_id AS bitacora
           FROM identity.password_reset WHERE user_id IS NULL
           ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED"#
    )
    .fetch_optional(db)
    .await
}

/// The active user with an address whom the API client may serve.
pub async fn owner(
    db: &mut PgConnection,
    email: &str,
    client: ClientId,
) -> Result<Option<User>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT u.user_id AS "id: UserId", u.company_id AS "company: CompanyId",
                  u.department_id AS "department: DepartmentId", u.role, u.name, u.email
           FROM identity.users u
           JOIN identity.api_client a ON a.client_id = $2
           LEFT JOIN identity.company c ON c.company_id = u.company_id
           WHERE lower(u.email) = $1 AND u.active AND c.active IS NOT FALSE
             AND (a.authority <> 'company' OR u.role = 1 OR u.company_id = a.company_id)"#,
        email,
        client.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| {
        Some(User {
            id: row.id,
            company: row.company,
            department: row.department,
            role: Role::of(row.role)?,
            name: row.name,
            email: row.email,
            active: true,
        })
    }))
}

/// Forgets a request.
pub async fn forget(db: &mut PgConnection, selector: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM identity.password_reset WHERE selector = $1",
        selector
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes the link of a request.
pub async fn make(
    db: &mut PgConnection,
    selector: Uuid,
    user: UserId,
    verifier_digest: &[u8],
    verifier_sealed: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.password_reset
         SET user_id = $2, verifier_digest = $3, verifier_sealed = $4 WHERE selector = $1",
        selector,
        user.0,
        verifier_digest,
        verifier_sealed
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A link by its selector, when the API client may serve its user.
pub async fn find(
    db: &PgPool,
    selector: Uuid,
    client: ClientId,
) -> Result<Option<StoredLink>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT u.user_id AS "id: UserId", u.company_id AS "company: CompanyId",
                  u.department_id AS "department: DepartmentId", u.role, u.name, u.email,
                  (u.active AND c.active IS NOT FALSE) AS "active!",
                  r.product, r.verifier_digest AS "verifier_digest!", r.expires_at, r.ended_at
           FROM identity.password_reset r
           JOIN identity.users u USING (user_id)
           JOIN identity.api_client a ON a.client_id = $2
           LEFT JOIN identity.company c ON c.company_id = u.company_id
           WHERE r.selector = $1
             AND (a.authority <> 'company' OR u.role = 1 OR u.company_id = a.company_id)"#,
        selector,
        client.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| {
        let user = User {
            id: row.id,
            company: row.company,
            department: row.department,
            role: Role::of(row.role)?,
            name: row.name,
            email: row.email,
            active: row.active,
        };
        Some(StoredLink {
            user,
            active: row.active,
            product: row.product,
            verifier_digest: row.verifier_digest,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
        })
    }))
}

/// Uses a link up; false when it is over.
pub async fn redeem(
    db: &mut PgConnection,
    selector: Uuid,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE identity.password_reset SET ended_at = $2, verifier_sealed = NULL
         WHERE selector = $1 AND ended_at IS NULL AND expires_at > $2",
        selector,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Voids the links of a user.
pub async fn void(
    db: &mut PgConnection,
    user: UserId,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.password_reset SET ended_at = $2, verifier_sealed = NULL
         WHERE user_id = $1 AND ended_at IS NULL",
        user.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends the sessions of a user.
pub async fn end_sessions(
    db: &mut PgConnection,
    user: UserId,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.session SET revoked_at = $2
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2",
        user.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the mail of a link needs.
pub struct Sealed {
    pub email: String,
    pub product: String,
    pub link_base: String,
    pub verifier: Vec<u8>,
    pub expires_at: OffsetDateTime,
}

/// A link that is still good.
pub async fn sealed(
    db: &PgPool,
    selector: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Sealed>, sqlx::Error> {
    sqlx::query_as!(
        Sealed,
        r#"SELECT u.email, r.product, r.link_base, r.verifier_sealed AS "verifier!", r.expires_at
           FROM identity.password_reset r JOIN identity.users u USING (user_id)
           WHERE r.selector = $1 AND r.verifier_sealed IS NOT NULL
             AND r.ended_at IS NULL AND r.expires_at > $2"#,
        selector,
        now
    )
    .fetch_optional(db)
    .await
}

/// Removes links that expired before a time, some at once; answers how many.
pub async fn remove_old(db: &PgPool, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "DELETE FROM identity.password_reset WHERE selector IN (
             SELECT selector FROM identity.password_reset WHERE expires_at < $1 LIMIT 1000
         )",
        before
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
