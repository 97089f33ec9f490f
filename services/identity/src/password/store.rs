//! SQL on the passwords of users.

use auth::UserId;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Stores a password anew, unless it is another one by now; says whether it did.
pub async fn replace(
    db: &mut PgConnection,
    user: UserId,
    old: &str,
    new: &str,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE identity.users SET password_phc = $3, updated_at = $4
         WHERE user_id = $1 AND password_phc = $2",
        user.0,
        old,
        new,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the password of a user.
pub async fn set(
    db: &mut PgConnection,
    user: UserId,
    password_phc: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.users SET password_phc = $2, updated_at = $3 WHERE user_id = $1",
        user.0,
        password_phc,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
