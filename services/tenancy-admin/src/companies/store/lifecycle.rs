//! SQL on companies that come and go.

use auth::{CompanyId, TenantScope};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::companies::{
    StoredToken,
    creation::{Attempt, NewCompany},
    finishing::Unfinished,
};

/// What a new row holds besides the values of the request.
pub struct NewRow<'a> {
    pub uuid: Uuid,
    pub digest: &'a [u8],
    pub token: &'a StoredToken,
}

/// Adds an invisible company; none when the plan is not to be had.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    new: &NewCompany,
    row: &NewRow<'_>,
) -> Result<Option<CompanyId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO tenancy.company
               (uuid, name, email, token_sealed, token_digest, plan_id, balance, pay_day,
                time_zone, state, creation_digest, attempted_at, created_at, updated_at)
           SELECT $1, $2, $3, $4, $5, p.plan_id, $7::text::numeric, $8::text::date, $9,
                  'provisioning', $10, $11, $11, $11
           FROM tenancy.plan p WHERE p.plan_id = $6 AND p.active
           RETURNING company_id AS "id: CompanyId""#,
        row.uuid,
        new.name,
        new.email,
        row.token.sealed,
        row.token.digest,
        new.plan,
        new.balance,
        new.pay_day,
        new.time_zone,
        row.digest,
        now
    )
    .fetch_optional(db)
    .await
}

/// What an earlier try of the same request left.
pub struct Left {
    pub id: CompanyId,
    pub state: String,
}

/// Finds it, whatever state it is in, and keeps it so until the transaction ends.
pub async fn left_by(db: &mut PgConnection, uuid: Uuid) -> Result<Option<Left>, sqlx::Error> {
    sqlx::query_as!(
        Left,
        r#"SELECT company_id AS "id: CompanyId", state
           FROM tenancy.company WHERE uuid = $1 FOR NO KEY UPDATE"#,
        uuid
    )
    .fetch_optional(db)
    .await
}

/// Begins another attempt on a company that is still invisible.
pub async fn try_again(db: &mut PgConnection, attempt: Attempt) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE tenancy.company SET attempted_at = $2, attempt_over = false
         WHERE company_id = $1",
        attempt.id.0,
        attempt.attempted_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Begins another attempt on what the same request left: its last attempt gave
/// up, or has said nothing since `silent`.
pub async fn take_over(
    db: &mut PgConnection,
    now: OffsetDateTime,
    silent: OffsetDateTime,
    email: &str,
    digest: &[u8],
) -> Result<Option<Attempt>, sqlx::Error> {
    sqlx::query_as!(
        Attempt,
        r#"UPDATE tenancy.company SET attempted_at = $1, attempt_over = false
           WHERE lower(email) = $3 AND state = 'provisioning' AND creation_digest = $4
             AND (attempt_over OR attempted_at < $2)
           RETURNING company_id AS "id: CompanyId", uuid, attempted_at AS "attempted_at!""#,
        now,
        silent,
        email,
        digest
    )
    .fetch_optional(db)
    .await
}

/// Ends an attempt without an answer, so that the next one need not wait.
pub async fn give_up(db: &PgPool, attempt: Attempt) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE tenancy.company SET attempt_over = true
         WHERE company_id = $1 AND attempted_at = $2",
        attempt.id.0,
        attempt.attempted_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a company visible; says whether it was not before.
pub async fn activate(
    db: &mut PgConnection,
    now: OffsetDateTime,
    id: CompanyId,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE tenancy.company SET state = 'active', updated_at = $2
         WHERE company_id = $1 AND state = 'provisioning'",
        id.0,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an invisible company with all it has; says whether it did, which it
/// does not when another attempt has begun.
pub async fn remove(db: &mut PgConnection, attempt: Attempt) -> Result<bool, sqlx::Error> {
    let locked = sqlx::query_scalar!(
        "SELECT company_id FROM tenancy.company
         WHERE company_id = $1 AND state = 'provisioning' AND attempted_at = $2
         FOR UPDATE",
        attempt.id.0,
        attempt.attempted_at
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(id) = locked else {
        return Ok(false);
    };
    sqlx::query!("DELETE FROM tenancy.faq WHERE company_id = $1", id)
        .execute(&mut *db)
        .await?;
    sqlx::query!("DELETE FROM tenancy.department WHERE company_id = $1", id)
        .execute(&mut *db)
        .await?;
    sqlx::query!("DELETE FROM tenancy.company WHERE company_id = $1", id)
        .execute(db)
        .await?;
    Ok(true)
}

/// What is half-way: creations that stand still since `before`, deletions that
/// identity has not heard of. As many as one round takes.
pub async fn unfinished(
    db: &PgPool,
    before: OffsetDateTime,
) -> Result<Vec<Unfinished>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT company_id AS "id: CompanyId", uuid, attempted_at, state
           FROM tenancy.company
           WHERE state = 'provisioning' AND attempted_at <= $1
              OR state = 'deleted' AND revoked_at IS NULL
           ORDER BY company_id LIMIT 100"#,
        before
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| match row.attempted_at {
            Some(attempted_at) if row.state == "provisioning" => Unfinished::Creation(Attempt {
                id: row.id,
                uuid: row.uuid,
                attempted_at,
            }),
            _ => Unfinished::Deletion(row.id),
        })
        .collect())
}

/// Locks a company to delete it: whether it is active, none when there is none or
/// its deletion is over.
pub async fn lock_to_delete(
    db: &mut PgConnection,
    scope: TenantScope,
    id: CompanyId,
) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT state = 'active' AS "active!" FROM tenancy.company
           WHERE company_id = $1
             AND (state = 'active' OR state = 'deleted' AND revoked_at IS NULL)
             AND ($2::bigint IS NULL OR company_id = $2)
           FOR NO KEY UPDATE"#,
        id.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await
}

/// Switches a company off.
pub async fn mark_deleted(
    db: &mut PgConnection,
    now: OffsetDateTime,
    id: CompanyId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE tenancy.company SET state = 'deleted', updated_at = $2 WHERE company_id = $1",
        id.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that identity has voided the tokens; says whether that was not known.
pub async fn mark_revoked(
    db: &mut PgConnection,
    now: OffsetDateTime,
    id: CompanyId,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE tenancy.company SET revoked_at = $2
         WHERE company_id = $1 AND state = 'deleted' AND revoked_at IS NULL",
        id.0,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
