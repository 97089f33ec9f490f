//! PINs: a short secret that is good on one enrolled device only.

mod attempt;
pub mod rpc;
mod rules;
mod store;

use auth::{Caller, CompanyId, Role, UserId};
use chassis::{Clock, FieldViolation, config::Secret};
use idempotency::Keys;
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};

use crate::{
    clients::SecretMac,
    config::Lifetimes,
    error::Error,
    password::PasswordHasher,
    revocations::{self, Subject},
    security_events::{self, Kind, SecurityEvent},
};

pub use attempt::begin;
pub use rules::is_pin;

/// A device is enrolled this soon after a login, so that a token alone, left
/// behind or stolen, makes no lasting way in.
const FRESH: Duration = Duration::minutes(5);

/// Devices of one user.
const MOST: i64 = 100;

/// The longest name of a device, in characters.
const LONGEST_NAME: usize = 100;

/// A device with a PIN.
pub struct Device {
    pub id: i64,
    pub name: String,
    /// Switched off by too many wrong tries.
    pub locked: bool,
    pub enrolled_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

/// A user whose devices may be touched.
pub struct Owner {
    pub id: UserId,
    pub company: CompanyId,
    pub role: Role,
}

/// A PIN to set.
pub struct NewPin {
    pub device: i64,
    pub pin: Secret,
    pub name: String,
}

/// Keeps the PINs of devices.
pub struct Pins {
    pub pool: PgPool,
    pub passwords: PasswordHasher,
    pub macs: SecretMac,
    pub lifetimes: Lifetimes,
    pub clock: Clock,
    pub idempotency: Keys,
}

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

/// Switches the PINs of a user on again, after a login by password.
pub async fn switch_on(db: &PgPool, user: UserId) -> Result<(), Error> {
    Ok(store::switch_on(db, user).await?)
}

impl Pins {
    /// What is stored for a PIN of a user, if the caller may set it now.
    async fn prepare(&self, caller: &Caller, owner: &Owner, new: &NewPin) -> Result<String, Error> {
        self.require_fresh(caller).await?;
        let secret = peppered(&self.macs, owner.id, new.device, &new.pin);
        self.passwords.hash(secret).await
    }

    /// Binds a PIN to a device of a user, in place of the one it had, on the
    /// connection of an open transaction.
    async fn set(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        owner: &Owner,
        new: &NewPin,
        phc: &str,
    ) -> Result<Device, Error> {
        let now = self.clock.now();
        // Two enrolments at once shall not get past the bound.
        store::lock_owner(&mut *db, owner.id).await?;
        let others = store::count_others(&mut *db, owner.id, new.device).await?;
        if others >= MOST {
            let why = "the user has too many devices";
            return Err(wrong("device_id", "TOO_MANY", why));
        }
        let device = store::put(&mut *db, now, owner.id, new, phc).await?;
        let event = SecurityEvent::of_user(Kind::PinEnrolled, owner.company, owner.id);
        security_events::record(db, now, caller, event).await?;
        Ok(device)
    }

    /// Forgets the PIN of a device and ends the sessions that are bound to it;
    /// says whether there was one.
    async fn remove(&self, caller: &Caller, user: i64, device: i64) -> Result<bool, Error> {
        let owner = self.owner(caller, user).await?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if !store::delete(&mut transaction, owner.id, device).await? {
            return Ok(false);
        }
        let ended = store::end_sessions(&mut transaction, owner.id, device, now).await?;
        let event = SecurityEvent::of_user(Kind::PinRemoved, owner.company, owner.id);
        security_events::record(&mut transaction, now, caller, event).await?;
        let forget_at = Some(now + self.lifetimes.device.total);
        let mut last = None;
        for session in ended {
            let subject = Subject::Session(session);
            last = Some(revocations::record(&mut transaction, now, subject, forget_at).await?);
        }
        transaction.commit().await?;
        if let Some(last) = last {
            revocations::settled(&self.pool, last).await?;
        }
        Ok(true)
    }

    /// The enrolled devices of a user, in order.
    async fn list(&self, caller: &Caller, user: i64) -> Result<Vec<Device>, Error> {
        let owner = self.owner(caller, user).await?;
        Ok(store::devices(&self.pool, owner.id, MOST).await?)
    }

    /// The user whose devices the caller wants to touch; 0 means the caller's own.
    /// Agents touch no others, and administrators those of no super user.
    async fn owner(&self, caller: &Caller, user: i64) -> Result<Owner, Error> {
        let own = caller.user.as_ref();
        let user = match (UserId::present(user), own) {
            (Some(user), _) => user,
            (None, Some(own)) => own.id,
            (None, None) => return Err(Error::BearerToken),
        };
        let found = store::owner(&self.pool, caller.scope(), user).await?;
        found
            .filter(|owner| match own {
                Some(own) if own.id == owner.id => true,
                Some(own) => match own.role {
                    Role::Super => true,
                    Role::Admin => owner.role != Role::Super,
                    Role::Chat => false,
                },
                None => true,
            })
            .ok_or(Error::NoSuchUser)
    }

    /// Refuses a session whose login is too long ago.
    async fn require_fresh(&self, caller: &Caller) -> Result<(), Error> {
        let Some(user) = &caller.user else {
            return Ok(());
        };
        let opened = store::opened_at(&self.pool, user.session.0).await?;
        let fresh = opened.is_some_and(|opened| self.clock.now() <= opened + FRESH);
        fresh.then_some(()).ok_or(Error::SessionNotFresh)
    }
}

impl NewPin {
    fn check(&self) -> Result<(), Error> {
        if !is_pin(&self.pin) {
            return Err(wrong("pin", "FORMAT", "must be 4 to 12 digits"));
        }
        if rules::is_trivial(self.pin.expose()) {
            return Err(wrong(
                "pin",
                "TRIVIAL",
                "is one of the first that are tried",
            ));
        }
        if self.device < 1 {
            return Err(wrong("device_id", "FORMAT", "must be at least 1"));
        }
        if self.name.chars().count() > LONGEST_NAME || self.name.contains('\0') {
            return Err(wrong("name", "FORMAT", "must be at most 100 characters"));
        }
        Ok(())
    }
}

fn wrong(field: &'static str, reason: &'static str, description: &str) -> Error {
    Error::Invalid(vec![FieldViolation {
        field,
        reason,
        description: description.to_owned(),
    }])
}
