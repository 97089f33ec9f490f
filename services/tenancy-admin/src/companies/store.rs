//! SQL on `tenancy.company`.

mod lifecycle;

use auth::{CompanyId, TenantScope};
use postgres::Page;
use proto::events::v1::CompanyChanged;
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::{Date, OffsetDateTime};

pub use lifecycle::{
    NewRow, activate, give_up, insert, left_by, lock_to_delete, mark_deleted, mark_revoked, remove,
    take_over, try_again, unfinished,
};

use super::{Filter, FixedCompany, Record, StoredToken};

/// An active company, if it is within reach.
pub async fn find(
    db: impl PgExecutor<'_>,
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

/// The same, locked until the end of the transaction.
pub async fn lock(
    db: &mut PgConnection,
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
             AND ($2::bigint IS NULL OR company_id = $2)
           FOR NO KEY UPDATE"#,
        id.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await
}

/// How many companies pass the filter.
pub async fn count(
    db: &PgPool,
    scope: TenantScope,
    filter: &Filter,
    token: Option<&[u8]>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
           FROM tenancy.company c JOIN tenancy.plan p USING (plan_id)
           WHERE c.state = 'active' AND ($1::bigint IS NULL OR c.company_id = $1)
             AND strpos(lower(c.name), lower($2)) > 0 AND strpos(c.email, lower($3)) > 0
             AND ($4::bytea IS NULL OR c.token_digest = $4)
             AND strpos(lower(p.name), lower($5)) > 0"#,
        scope.confine(),
        filter.name,
        filter.email,
        token,
        filter.plan
    )
    .fetch_one(db)
    .await
}

/// A page of them, in order of id.
pub async fn list(
    db: &PgPool,
    scope: TenantScope,
    filter: &Filter,
    token: Option<&[u8]>,
    page: Page,
) -> Result<Vec<Record>, sqlx::Error> {
    sqlx::query_as!(
        Record,
        r#"SELECT c.company_id AS "id: CompanyId", c.uuid, c.name, c.email, c.token_sealed,
                  c.plan_id AS plan, trim_scale(c.balance)::text AS "balance!",
                  to_char(c.pay_day, 'YYYY-MM-DD') AS "pay_day!", c.api_access,
                  c.messenger_access, c.telegram_access, c.time_zone, c.created_at, c.updated_at
           FROM tenancy.company c JOIN tenancy.plan p USING (plan_id)
           WHERE c.state = 'active' AND ($1::bigint IS NULL OR c.company_id = $1)
             AND strpos(lower(c.name), lower($2)) > 0 AND strpos(c.email, lower($3)) > 0
             AND ($4::bytea IS NULL OR c.token_digest = $4)
             AND strpos(lower(p.name), lower($5)) > 0
           ORDER BY c.company_id LIMIT $6 OFFSET $7"#,
        scope.confine(),
        filter.name,
        filter.email,
        token,
        filter.plan,
        page.limit(),
        page.offset()
    )
    .fetch_all(db)
    .await
}

/// Stores a changed company.
pub async fn update(db: &mut PgConnection, company: &Record) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE tenancy.company
         SET name = $2, email = $3, balance = $4::text::numeric, pay_day = $5::text::date,
             plan_id = $6, api_access = $7, messenger_access = $8, telegram_access = $9,
             time_zone = $10, updated_at = $11
         WHERE company_id = $1",
        company.id.0,
        company.name,
        company.email,
        company.balance,
        company.pay_day,
        company.plan,
        company.api_access,
        company.messenger_access,
        company.telegram_access,
        company.time_zone,
        company.updated_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says whether there is an active plan of the id.
pub async fn is_plan_active(db: &mut PgConnection, plan: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM tenancy.plan WHERE plan_id = $1 AND active) AS "exists!""#,
        plan
    )
    .fetch_one(db)
    .await
}

/// Says whether the database knows a zone of the name.
pub async fn is_time_zone(db: &mut PgConnection, zone: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM pg_timezone_names
               WHERE name = $1 AND (name LIKE '%/%' OR name = 'UTC')
           ) AS "exists!""#,
        zone
    )
    .fetch_one(db)
    .await
}

/// What the others may know of a company now, with the holidays from a day on.
pub async fn announced(
    db: &mut PgConnection,
    id: CompanyId,
    from: Date,
) -> Result<CompanyChanged, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT c.name, c.state = 'active' AS "active!", c.time_zone, p.max_users,
                  c.api_access, c.messenger_access, c.telegram_access,
                  ARRAY(
                      SELECT to_char(day, 'YYYY-MM-DD') FROM tenancy.holiday
                      WHERE company_id = $1 AND day >= $2 ORDER BY day LIMIT 1000
                  ) AS "holidays!"
           FROM tenancy.company c JOIN tenancy.plan p USING (plan_id)
           WHERE c.company_id = $1"#,
        id.0,
        from
    )
    .fetch_one(db)
    .await?;
    Ok(CompanyChanged {
        company_id: id.0,
        name: row.name,
        active: row.active,
        time_zone: row.time_zone,
        max_users: Some(row.max_users),
        api_access: row.api_access,
        messenger_access: row.messenger_access,
        telegram_access: row.telegram_access,
        holidays: row.holidays,
    })
}

/// Adds an active company under its id with everything allowed, unless the id,
/// the address or the token is taken; says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: &FixedCompany<'_>,
    token: &StoredToken,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO tenancy.company
             (company_id, uuid, name, email, token_sealed, token_digest, plan_id, balance,
              pay_day, api_access, messenger_access, telegram_access, time_zone, state,
              created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, true, true, true, $9, 'active', $10, $10)
         ON CONFLICT DO NOTHING",
        company.id.0,
        company.uuid,
        company.name,
        company.email,
        token.sealed,
        token.digest,
        company.plan,
        company.pay_day,
        company.time_zone,
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
