//! SQL on `tenancy.company`.

use auth::{CompanyId, TenantScope};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{FixedCompany, Record, StoredToken};

/// An active company, if it is within reach.
pub async fn find(
    db: &PgPool,
    scope: TenantScope,
    id: CompanyId,
) -> Result<Option<Record>, sqlx::Error> {
    sqlx::query_as!(
        Record,
        r#"SELECT company_id AS "id: CompanyId", uuid, name, email, token_sealed,
                  plan_id AS plan, trim_scale(balance)::text AS "balance!",
                  to_char(pay_day, 'YYYY-MM-DD') AS "pay_day!", api_access, messenger_access,
                  telegram_access, time_zone, created_at, updated_at
           FROM tenancy.company
           WHERE company_id = $1 AND state = 'active'
             AND ($2::bigint IS NULL OR company_id = $2)"#,
        id.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await
}

/// Adds an active company under its id with everything allowed, unless the id,
/// the address or the token is taken; says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: &FixedCompany,
    token: &StoredToken,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO tenancy.company
             (company_id, uuid, name, email, token_sealed, token_digest, plan_id, balance,
              pay_day, api_access, messenger_access, telegram_access, time_zone, state,
              created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, true, true, true, $9, 'active', $10, $10)
         ON CONFLICT DO NOTHING",
        company.company.id.0,
        company.uuid,
        company.company.name,
        company.email,
        token.sealed,
        token.digest,
        company.plan,
        company.pay_day,
        company.company.time_zone,
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
             pg_get_serial_sequence('tenancy.company', 'company_id'),
             (SELECT max(company_id) FROM tenancy.company)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}
