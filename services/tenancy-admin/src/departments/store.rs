//! SQL on `tenancy.department`.

use auth::{CompanyId, DepartmentId, TenantScope};
use postgres::Page;
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Department, Filter, FixedDepartment, Hours};
use crate::error::Error;

/// A row as it comes from the table.
struct Row {
    id: DepartmentId,
    uuid: Uuid,
    company: CompanyId,
    name: String,
    hours: Option<String>,
    active: bool,
    time_zone: String,
}

impl TryFrom<Row> for Department {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            uuid: row.uuid,
            company: row.company,
            name: row.name,
            hours: Hours::from_stored(row.hours.as_deref())?,
            active: row.active,
            time_zone: row.time_zone,
        })
    }
}

/// A department of an active company, if it is within reach.
pub async fn find(
    db: impl PgExecutor<'_>,
    scope: TenantScope,
    id: DepartmentId,
) -> Result<Option<Department>, Error> {
    sqlx::query_as!(
        Row,
        r#"SELECT d.department_id AS "id: DepartmentId", d.uuid,
                  d.company_id AS "company: CompanyId", d.name, d.hours::text AS hours, d.active,
                  c.time_zone
           FROM tenancy.department d JOIN tenancy.company c USING (company_id)
           WHERE d.department_id = $1 AND c.state = 'active'
             AND ($2::bigint IS NULL OR d.company_id = $2)"#,
        id.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await?
    .map(Department::try_from)
    .transpose()
}

/// The same, locked until the end of the transaction.
pub async fn lock(
    db: &mut PgConnection,
    scope: TenantScope,
    id: DepartmentId,
) -> Result<Option<Department>, Error> {
    sqlx::query_as!(
        Row,
        r#"SELECT d.department_id AS "id: DepartmentId", d.uuid,
                  d.company_id AS "company: CompanyId", d.name, d.hours::text AS hours, d.active,
                  c.time_zone
           FROM tenancy.department d JOIN tenancy.company c USING (company_id)
           WHERE d.department_id = $1 AND c.state = 'active'
             AND ($2::bigint IS NULL OR d.company_id = $2)
           FOR NO KEY UPDATE OF d"#,
        id.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await?
    .map(Department::try_from)
    .transpose()
}

/// How many departments pass the filter.
pub async fn count(db: &PgPool, scope: TenantScope, filter: &Filter) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
           FROM tenancy.department d JOIN tenancy.company c USING (company_id)
           WHERE c.state = 'active' AND ($1::bigint IS NULL OR d.company_id = $1)
             AND strpos(lower(d.name), lower($2)) > 0
             AND ($3::bigint IS NULL OR d.company_id = $3)
             AND ($4 = '' OR strpos(d.hours::text, $4) > 0)
             AND ($5::boolean IS NULL OR d.active = $5)"#,
        scope.confine(),
        filter.name,
        filter.company.map(|company| company.0),
        filter.hours,
        filter.active
    )
    .fetch_one(db)
    .await
}

/// A page of them, in order of id.
pub async fn list(
    db: &PgPool,
    scope: TenantScope,
    filter: &Filter,
    page: Page,
) -> Result<Vec<Department>, Error> {
    sqlx::query_as!(
        Row,
        r#"SELECT d.department_id AS "id: DepartmentId", d.uuid,
                  d.company_id AS "company: CompanyId", d.name, d.hours::text AS hours, d.active,
                  c.time_zone
           FROM tenancy.department d JOIN tenancy.company c USING (company_id)
           WHERE c.state = 'active' AND ($1::bigint IS NULL OR d.company_id = $1)
             AND strpos(lower(d.name), lower($2)) > 0
             AND ($3::bigint IS NULL OR d.company_id = $3)
             AND ($4 = '' OR strpos(d.hours::text, $4) > 0)
             AND ($5::boolean IS NULL OR d.active = $5)
           ORDER BY d.department_id LIMIT $6 OFFSET $7"#,
        scope.confine(),
        filter.name,
        filter.company.map(|company| company.0),
        filter.hours,
        filter.active,
        page.limit(),
        page.offset()
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Department::try_from)
    .collect()
}

/// All departments of a company, in order of id.
pub async fn all_of(db: &mut PgConnection, company: CompanyId) -> Result<Vec<Department>, Error> {
    sqlx::query_as!(
        Row,
        r#"SELECT d.department_id AS "id: DepartmentId", d.uuid,
                  d.company_id AS "company: CompanyId", d.name, d.hours::text AS hours, d.active,
                  c.time_zone
           FROM tenancy.department d JOIN tenancy.company c USING (company_id)
           WHERE d.company_id = $1 ORDER BY d.department_id"#,
        company.0
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Department::try_from)
    .collect()
}

/// The first department of a company.
pub async fn first_of(
    db: impl PgExecutor<'_>,
    company: CompanyId,
) -> Result<Option<DepartmentId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT min(department_id) AS "id: DepartmentId"
           FROM tenancy.department WHERE company_id = $1"#,
        company.0
    )
    .fetch_one(db)
    .await
}

/// Adds an active department; none when the company is not within reach.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    scope: TenantScope,
    company: CompanyId,
    name: &str,
    hours: Option<&str>,
) -> Result<Option<DepartmentId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO tenancy.department (uuid, company_id, name, hours, created_at, updated_at)
           SELECT $1, c.company_id, $4, $5::text::json, $6, $6 FROM tenancy.company c
           WHERE c.company_id = $2 AND c.state = 'active'
             AND ($3::bigint IS NULL OR c.company_id = $3)
           RETURNING department_id AS "id: DepartmentId""#,
        Uuid::new_v4(),
        company.0,
        scope.confine(),
        name,
        hours,
        now
    )
    .fetch_optional(db)
    .await
}

/// Adds the first department of a company that is not visible yet.
pub async fn insert_first(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: CompanyId,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO tenancy.department (uuid, company_id, name, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $4)",
        Uuid::new_v4(),
        company.0,
        name,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores a changed department.
pub async fn update(
    db: &mut PgConnection,
    now: OffsetDateTime,
    department: &Department,
    hours: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE tenancy.department
         SET name = $2, hours = $3::text::json, active = $4, updated_at = $5
         WHERE department_id = $1",
        department.id.0,
        department.name,
        hours,
        department.active,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds an active department under its id, unless the id or the name is taken;
/// says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    department: &FixedDepartment,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO tenancy.department
             (department_id, uuid, company_id, name, hours, created_at, updated_at)
         VALUES ($1, $2, $3, $4, nullif($5, '')::json, $6, $6)
         ON CONFLICT DO NOTHING",
        department.id.0,
        department.uuid,
        department.company.0,
        department.name,
        department.hours,
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
             pg_get_serial_sequence('tenancy.department', 'department_id'),
             (SELECT max(department_id) FROM tenancy.department)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}
