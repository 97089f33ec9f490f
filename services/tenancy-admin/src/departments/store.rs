//! SQL on `tenancy.department`.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Department;

/// Adds an active department that is always open under its id, unless the id or
/// the name is taken; says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    uuid: Uuid,
    department: &Department,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO tenancy.department
             (department_id, uuid, company_id, name, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5)
         ON CONFLICT DO NOTHING",
        department.id.0,
        uuid,
        department.company.0,
        department.name,
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
