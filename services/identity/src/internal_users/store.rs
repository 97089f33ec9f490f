//! SQL on `identity.internal_user` and `identity.internal_department`.

use sqlx::PgConnection;

use super::NewInternalUser;

/// Adds a department unless it is there.
pub async fn insert_department(
    db: &mut PgConnection,
    id: i64,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.internal_department (department_id, name)
         VALUES ($1, $2)
         ON CONFLICT DO NOTHING",
        id,
        name
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a user unless the id or the login is taken, and moves the sequence past
/// all ids.
pub async fn insert_with_id(
    db: &mut PgConnection,
    user: &NewInternalUser<'_>,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO identity.internal_user
             (internal_user_id, login, name, user_type, status, username, email,
              extension, department_id, role_id, role, mobile, systems)
         VALUES ($1, $2, $3, $4, $5, $2, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT DO NOTHING",
        user.id,
        user.login,
        user.name,
        user.user_type,
        user.status,
        user.email,
        user.extension,
        user.department,
        user.role_id,
        user.role,
        user.mobile,
        user.systems
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 1 {
        sqlx::query!(
            "SELECT setval(
                 pg_get_serial_sequence('identity.internal_user', 'internal_user_id'),
                 (SELECT max(internal_user_id) FROM identity.internal_user)
             )"
        )
        .fetch_one(db)
        .await?;
    }
    Ok(())
}
