//! SQL on `identity.pin_device`.

use auth::UserId;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Adds a device unless it is there; says whether it did.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: UserId,
    device: i64,
    pin_phc: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO identity.pin_device (user_id, device_id, pin_phc, enrolled_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        user.0,
        device,
        pin_phc,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
