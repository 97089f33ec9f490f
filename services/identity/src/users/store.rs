//! SQL on `identity.users`.

use auth::UserId;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{NewUser, User};

/// Adds an active user; the constraint `users_email` judges the address.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: &NewUser,
    password_phc: &str,
) -> Result<UserId, sqlx::Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO identity.users
               (company_id, department_id, role, name, email, phone, password_phc,
                created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
           RETURNING user_id AS "id: UserId""#,
        user.company.0,
        user.department.map(|department| department.0),
        user.role.number(),
        user.name,
        user.email.to_lowercase(),
        user.phone,
        password_phc,
        now
    )
    .fetch_one(db)
    .await
}

/// Adds an active user under a fixed id, unless the id or the address is taken;
/// says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: &User,
    password_phc: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO identity.users
             (user_id, company_id, department_id, role, name, email, password_phc,
              created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT DO NOTHING",
        user.id.0,
        user.company.0,
        user.department.map(|department| department.0),
        user.role.number(),
        user.name,
        user.email,
        password_phc,
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
             pg_get_serial_sequence('identity.users', 'user_id'),
             (SELECT max(user_id) FROM identity.users)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}
