//! SQL on `identity.company` and `identity.department`.

use auth::CompanyId;
use proto::events::v1::{CompanyChanged, DepartmentChanged};
use sqlx::PgConnection;

/// Keeps how a company is now; says whether it was active before, as those are
/// that were not heard of.
pub async fn put_company(
    db: &mut PgConnection,
    company: &CompanyChanged,
) -> Result<bool, sqlx::Error> {
    let was_active = sqlx::query_scalar!(
        "SELECT active FROM identity.company WHERE company_id = $1 FOR NO KEY UPDATE",
        company.company_id
    )
    .fetch_optional(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO identity.company (company_id, name, active, max_users)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (company_id) DO UPDATE
         SET name = excluded.name, active = excluded.active,
             max_users = coalesce(excluded.max_users, company.max_users)",
        company.company_id,
        company.name,
        company.active,
        company.max_users
    )
    .execute(db)
    .await?;
    Ok(was_active.unwrap_or(true))
}

/// Keeps how a department is now.
pub async fn put_department(
    db: &mut PgConnection,
    department: &DepartmentChanged,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.department (department_id, company_id, active) VALUES ($1, $2, $3)
         ON CONFLICT (department_id)
         DO UPDATE SET company_id = excluded.company_id, active = excluded.active",
        department.department_id,
        department.company_id,
        department.active
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many active users a company may have, if that is known; the row is locked.
pub async fn lock_limit(
    db: &mut PgConnection,
    company: CompanyId,
) -> Result<Option<i64>, sqlx::Error> {
    let row = sqlx::query_scalar!(
        "SELECT max_users FROM identity.company WHERE company_id = $1 FOR NO KEY UPDATE",
        company.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.flatten())
}

/// How many active users a company has.
pub async fn active_users(db: &mut PgConnection, company: CompanyId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM identity.users WHERE company_id = $1 AND active"#,
        company.0
    )
    .fetch_one(db)
    .await
}
