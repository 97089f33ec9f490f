//! SQL on `tenancy.holiday`.

use auth::{CompanyId, TenantScope};
use sqlx::{PgConnection, PgPool};
use time::Date;

use super::Holiday;

/// Says whether there is an active company of the id within reach.
pub async fn is_within_reach(
    db: &PgPool,
    scope: TenantScope,
    company: CompanyId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM tenancy.company
               WHERE company_id = $1 AND state = 'active'
                 AND ($2::bigint IS NULL OR company_id = $2)
           ) AS "exists!""#,
        company.0,
        scope.confine()
    )
    .fetch_one(db)
    .await
}

/// The same, and nobody else changes its holidays until the end of the
/// transaction.
pub async fn lock_company(
    db: &mut PgConnection,
    scope: TenantScope,
    company: CompanyId,
) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!(
        "SELECT company_id FROM tenancy.company
         WHERE company_id = $1 AND state = 'active'
           AND ($2::bigint IS NULL OR company_id = $2)
         FOR NO KEY UPDATE",
        company.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await?;
    Ok(found.is_some())
}

/// The holidays of a company, in order of day.
pub async fn list(
    db: &PgPool,
    scope: TenantScope,
    company: CompanyId,
    from: Option<Date>,
    until: Option<Date>,
) -> Result<Vec<Holiday>, sqlx::Error> {
    sqlx::query_as!(
        Holiday,
        "SELECT day, name FROM tenancy.holiday
         WHERE company_id = $1 AND ($2::bigint IS NULL OR company_id = $2)
           AND ($3::date IS NULL OR day >= $3) AND ($4::date IS NULL OR day < $4)
         ORDER BY day LIMIT 1000",
        company.0,
        scope.confine(),
        from,
        until
    )
    .fetch_all(db)
    .await
}

/// Removes the holidays from a day to another.
pub async fn remove(
    db: &mut PgConnection,
    company: CompanyId,
    first: Date,
    last: Date,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM tenancy.holiday WHERE company_id = $1 AND day BETWEEN $2 AND $3",
        company.0,
        first,
        last
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a holiday.
pub async fn insert(
    db: &mut PgConnection,
    company: CompanyId,
    holiday: &Holiday,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO tenancy.holiday (company_id, day, name) VALUES ($1, $2, $3)",
        company.0,
        holiday.day,
        holiday.name
    )
    .execute(db)
    .await?;
    Ok(())
}
