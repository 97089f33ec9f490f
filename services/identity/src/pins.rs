//! PINs: a short secret that is good on one enrolled device only.

mod store;

use auth::UserId;
use chassis::config::Secret;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{clients::SecretMac, error::Error, password::PasswordHasher};

/// What is hashed for a PIN. A PIN has so few values that a stolen hash alone
/// would give it away, so it is bound to the pepper first, and to its place.
pub fn peppered(macs: &SecretMac, user: UserId, device: i64, pin: &Secret) -> Secret {
    let placed = Secret::new(format!("pin|{user}|{device}|{}", pin.expose()));
    Secret::new(hex::encode(macs.of(&placed)))
}

/// Enrols a device, unless it is already; says whether it did.
pub async fn enrol(
    db: &mut PgConnection,
    passwords: &PasswordHasher,
    macs: &SecretMac,
    now: OffsetDateTime,
    user: UserId,
    device: i64,
    pin: &Secret,
) -> Result<bool, Error> {
    let phc = passwords.hash(peppered(macs, user, device, pin)).await?;
    Ok(store::insert(db, now, user, device, &phc).await?)
}
