//! Creating a user for a caller, once, however often the request is repeated.

use auth::{Caller, CompanyId, DepartmentId, Role, UserId};
use chassis::config::Secret;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Account, NewUser, Users, room, store};
use crate::{
    access::{self, Action, Principal},
    error::Error,
    events, pictures,
    security_events::{self, Kind, SecurityEvent},
};

/// The longest key of a service, in bytes.
const LONGEST_KEY: usize = 255;

/// A user to create for a caller.
pub struct Creation {
    pub new: NewUser,
    /// A picture that was staged for the user.
    pub picture: Option<Uuid>,
}

impl Users {
    /// Judges a creation before anything is done for it.
    pub(super) fn judge(caller: &Caller, new: &NewUser) -> Result<(), Error> {
        let principal = access::admit(caller, Action::Create)?;
        new.check()?;
        if !caller.scope().contains(new.company) {
            let description = "must be a company of the caller";
            return Err(Error::field("company", "NOT_REGISTERED", description));
        }
        if principal.gives(new.role) {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }

    /// Creates a user on the connection of an open transaction, and announces it.
    pub(super) async fn create(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        creation: &Creation,
        password_phc: &str,
    ) -> Result<Account, Error> {
        let new = &creation.new;
        let department = new.department.ok_or_else(|| {
            Error::field(
                "department",
                "REQUIRED",
                "must be a department of the company",
            )
        })?;
        let now = self.clock.now();
        let known = access::admit(caller, Action::Create)? != Principal::Tenancy;
        belongs(&mut *db, department, new.company, known).await?;
        // The first user comes with the company; the limit is for those it adds.
        if new.active && known {
            room::for_one_more(&mut *db, new.company).await?;
        }
        let user = store::insert(&mut *db, now, new, password_phc).await?;
        if let Some(picture) = creation.picture {
            pictures::adopt(&mut *db, now, picture, new.company, user).await?;
        }
        self.announce(db, caller, new, user).await
    }

    /// The same for a service that asks the result by its key, however much later;
    /// a service remembers what it has begun for longer than clients do.
    pub(super) async fn create_under(
        &self,
        caller: &Caller,
        creation: &Creation,
        key: &str,
    ) -> Result<Account, Error> {
        if key.len() > LONGEST_KEY || key.contains('\0') {
            let description = "must be at most 255 bytes";
            return Err(Error::field("idempotency_key", "FORMAT", description));
        }
        let password_phc = self.passwords.hash(creation.new.password.clone()).await?;
        let owner = &caller.service;
        let mac = self.macs.of(&fingerprint(creation));
        let mut transaction = self.pool.begin().await?;
        store::lock_key(&mut transaction, owner, key).await?;
        if let Some(made) = store::creation(&mut transaction, owner, key).await? {
            if made.mac != mac {
                return Err(Error::KeyReused);
            }
            let account = store::find(&mut transaction, caller.scope(), made.user).await?;
            return account.ok_or(Error::NoSuchUser);
        }
        let account = self
            .create(&mut transaction, caller, creation, &password_phc)
            .await?;
        let user = account.user.id;
        let made = store::Made { user, mac };
        store::insert_creation(&mut transaction, self.clock.now(), owner, key, &made).await?;
        transaction.commit().await?;
        Ok(account)
    }

    async fn announce(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        new: &NewUser,
        user: UserId,
    ) -> Result<Account, Error> {
        let now = self.clock.now();
        let event = SecurityEvent::of_user(Kind::UserCreated, new.company, user)
            .with(serde_json::json!({"type": new.role.number(), "active": new.active}));
        security_events::record(db, now, caller, event).await?;
        events::user_changed(db, now, &new.with_id(user)).await?;
        let account = store::find(db, caller.scope(), user).await?;
        account.ok_or(Error::NoSuchUser)
    }
}

/// Judges whether a department is one of a company. Unless it must be `known`, one
/// that was not heard of yet may be.
pub async fn belongs(
    db: &mut PgConnection,
    department: DepartmentId,
    company: CompanyId,
    known: bool,
) -> Result<(), Error> {
    let fits = match store::owner_of_department(db, department).await? {
        Some(owner) => owner == company,
        None => !known,
    };
    if fits {
        Ok(())
    } else {
        let description = "must be a department of the company";
        Err(Error::field("department", "NOT_REGISTERED", description))
    }
}

/// Everything that a repetition must have in common with the first request, the
/// password among it.
fn fingerprint(creation: &Creation) -> Secret {
    let new = &creation.new;
    let role = new.role.number().to_string();
    let company = new.company.to_string();
    let department = DepartmentId::or_zero(new.department).to_string();
    let email = new.email.to_lowercase();
    let active = if new.active { "1" } else { "0" };
    let picture = creation
        .picture
        .map(|id| id.to_string())
        .unwrap_or_default();
    let fields = [
        "user creation",
        &new.name,
        &new.code,
        &email,
        &new.phone,
        &role,
        &company,
        &department,
        active,
        &picture,
        new.password.expose(),
    ];
    // No field but the last holds the character between them.
    Secret::new(fields.join("\0"))
}

/// The documented number of a role, for those who create users.
pub fn role(role: Option<Role>) -> Result<Role, Error> {
    role.ok_or_else(|| Error::field("type", "REQUIRED", "must be 1, 2 or 3"))
}
