//! SQL on `identity.pin_device`.

use auth::{CompanyId, Role, TenantScope, UserId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Device, NewPin, Owner};

/// A counted try: what the PIN is verified against, and how many failures there
/// are with this one.
pub struct Charged {
    pub pin_phc: String,
    pub failures: i16,
}

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

/// Counts a try as a failure, the last one granted as the one that switches the
/// PIN off; none when there is no such device or its PIN is off.
pub async fn charge(
    db: &PgPool,
    user: UserId,
    device: i64,
    most: i16,
    now: OffsetDateTime,
) -> Result<Option<Charged>, sqlx::Error> {
    sqlx::query_as!(
        Charged,
        "UPDATE identity.pin_device
         SET failures = failures + 1,
             disabled_at = CASE WHEN failures + 1 >= $3 THEN $4::timestamptz END
         WHERE user_id = $1 AND device_id = $2 AND failures < $3
         RETURNING pin_phc, failures",
        user.0,
        device,
        most,
        now
    )
    .fetch_optional(db)
    .await
}

/// Writes as much as counting a try does.
pub async fn charge_decoy(db: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query!("UPDATE identity.pin_decoy SET tries = tries + 1")
        .execute(db)
        .await?;
    Ok(())
}

/// Takes a try back.
pub async fn give_back(
    db: &PgPool,
    user: UserId,
    device: i64,
    pin_phc: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.pin_device
         SET failures = greatest(failures - 1, 0), disabled_at = NULL
         WHERE user_id = $1 AND device_id = $2 AND pin_phc = $3",
        user.0,
        device,
        pin_phc
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the failures after a right PIN; says whether the device still has it.
pub async fn reset(
    db: &PgPool,
    user: UserId,
    device: i64,
    pin_phc: &str,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "UPDATE identity.pin_device
         SET failures = 0, disabled_at = NULL, last_used_at = $4
         WHERE user_id = $1 AND device_id = $2 AND pin_phc = $3",
        user.0,
        device,
        pin_phc,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Switches the PINs of a user on again.
pub async fn switch_on(db: &PgPool, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.pin_device SET failures = 0, disabled_at = NULL
         WHERE user_id = $1 AND failures > 0",
        user.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A user within a scope.
pub async fn owner(
    db: &PgPool,
    scope: TenantScope,
    user: UserId,
) -> Result<Option<Owner>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT company_id AS "company: CompanyId", role FROM identity.users
           WHERE user_id = $1 AND ($2::bigint IS NULL OR company_id = $2)"#,
        user.0,
        scope.confine()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| {
        Some(Owner {
            id: user,
            company: row.company,
            role: Role::of(row.role)?,
        })
    }))
}

/// When a session was opened.
pub async fn opened_at(db: &PgPool, session: Uuid) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT created_at FROM identity.session WHERE sid = $1",
        session
    )
    .fetch_optional(db)
    .await
}

/// Keeps others from changing the devices of a user until the commit.
pub async fn lock_owner(db: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT user_id FROM identity.users WHERE user_id = $1 FOR UPDATE",
        user.0
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// How many devices a user has beside one.
pub async fn count_others(
    db: &mut PgConnection,
    user: UserId,
    device: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM identity.pin_device
           WHERE user_id = $1 AND device_id <> $2"#,
        user.0,
        device
    )
    .fetch_one(db)
    .await
}

/// Sets the PIN of a device, new or not.
pub async fn put(
    db: &mut PgConnection,
    now: OffsetDateTime,
    user: UserId,
    new: &NewPin,
    pin_phc: &str,
) -> Result<Device, sqlx::Error> {
    sqlx::query_as!(
        Device,
        r#"INSERT INTO identity.pin_device (user_id, device_id, pin_phc, name, enrolled_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (user_id, device_id) DO UPDATE
           SET pin_phc = $3, name = $4, enrolled_at = $5, failures = 0, disabled_at = NULL,
               last_used_at = NULL
           RETURNING device_id AS id, name, disabled_at IS NOT NULL AS "locked!", enrolled_at,
                     last_used_at"#,
        user.0,
        new.device,
        pin_phc,
        new.name,
        now
    )
    .fetch_one(db)
    .await
}

/// Removes a device; says whether there was one.
pub async fn delete(db: &mut PgConnection, user: UserId, device: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "DELETE FROM identity.pin_device WHERE user_id = $1 AND device_id = $2",
        user.0,
        device
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the sessions of a user that are bound to a device; answers them.
pub async fn end_sessions(
    db: &mut PgConnection,
    user: UserId,
    device: i64,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "UPDATE identity.session SET revoked_at = $3
         WHERE user_id = $1 AND device_id = $2 AND revoked_at IS NULL AND expires_at > $3
         RETURNING sid",
        user.0,
        device,
        now
    )
    .fetch_all(db)
    .await
}

/// The devices of a user, in order.
pub async fn devices(db: &PgPool, user: UserId, most: i64) -> Result<Vec<Device>, sqlx::Error> {
    sqlx::query_as!(
        Device,
        r#"SELECT device_id AS id, name, disabled_at IS NOT NULL AS "locked!", enrolled_at,
                  last_used_at
           FROM identity.pin_device WHERE user_id = $1 ORDER BY device_id LIMIT $2"#,
        user.0,
        most
    )
    .fetch_all(db)
    .await
}
