//! SQL on `identity.company` and `identity.department`.

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
        "INSERT INTO identity.company (company_id, name, active) VALUES ($1, $2, $3)
         ON CONFLICT (company_id) DO UPDATE SET name = excluded.name, active = excluded.active",
        company.company_id,
        company.name,
        company.active
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
