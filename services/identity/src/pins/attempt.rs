//! One try of a PIN. It is counted as a failure before it is judged, by one
//! statement: five tries at once are five tries.

use auth::{Caller, CompanyId, UserId};
use chassis::config::Secret;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{peppered, store};
use crate::{
    clients::SecretMac,
    error::Error,
    password::PasswordHasher,
    security_events::{self, Kind, SecurityEvent},
};

/// Wrong tries that switch the PIN of a device off.
pub const MOST_FAILURES: i16 = 5;

/// A counted try.
pub struct Attempt {
    user: UserId,
    device: i64,
    /// Absent when there is no such device or its PIN is off.
    charged: Option<store::Charged>,
}

/// Counts a try on a device of a user, if there is one; it costs the same when
/// there is none.
pub async fn begin(
    db: &PgPool,
    user: Option<UserId>,
    device: i64,
    now: OffsetDateTime,
) -> Result<Attempt, Error> {
    let user = user.unwrap_or(UserId(0));
    let charged = store::charge(db, user, device, MOST_FAILURES, now).await?;
    if charged.is_none() {
        store::charge_decoy(db).await?;
    }
    Ok(Attempt {
        user,
        device,
        charged,
    })
}

impl Attempt {
    /// Says whether the PIN is right.
    pub async fn verify(
        &self,
        passwords: &PasswordHasher,
        macs: &SecretMac,
        pin: &Secret,
    ) -> Result<bool, Error> {
        let stored = self.charged.as_ref().map(|charged| charged.pin_phc.clone());
        let secret = peppered(macs, self.user, self.device, pin);
        passwords.verify(stored, secret).await
    }

    /// It was right: the failures are forgotten. False when the device is gone or
    /// has another PIN by now.
    pub async fn succeeded(&self, db: &PgPool, now: OffsetDateTime) -> Result<bool, Error> {
        let Some(charged) = &self.charged else {
            return Ok(false);
        };
        let (user, device) = (self.user, self.device);
        Ok(store::reset(db, user, device, &charged.pin_phc, now).await?)
    }

    /// It was wrong; the one that switched the PIN off is written down.
    pub async fn failed(
        &self,
        db: &PgPool,
        now: OffsetDateTime,
        caller: &Caller,
        company: CompanyId,
    ) -> Result<(), Error> {
        let failures = self.charged.as_ref().map(|charged| charged.failures);
        if failures == Some(MOST_FAILURES) {
            let event = SecurityEvent::of_user(Kind::PinLocked, company, self.user);
            let mut db = db.acquire().await?;
            security_events::record(&mut db, now, caller, event).await?;
        }
        Ok(())
    }

    /// It could not be judged and does not count.
    pub async fn give_back(&self, db: &PgPool) -> Result<(), Error> {
        if let Some(charged) = &self.charged {
            store::give_back(db, self.user, self.device, &charged.pin_phc).await?;
        }
        Ok(())
    }
}
