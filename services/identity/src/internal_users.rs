//! Internal users: the staff of the operator of the system, who are no users of a
//! company. What is kept about them is personal data, so every reading leaves a
//! security event.

mod rpc;
mod store;

use auth::{Caller, Role};
use chassis::{Clock, FieldViolation};
use serde_json::json;
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::{
    error::Error,
    security_events::{self, Kind, SecurityEvent},
};

pub use store::{insert_department, insert_with_id};

/// The right to read about the staff.
const SCOPE: &str = "crm:read";

/// Longer texts are in no row, in characters.
const LONGEST: usize = 191;

/// The state of those who work here.
const ACTIVE: &str = "ACTIVO";

/// A member of the staff to add under a fixed id.
pub struct NewInternalUser<'a> {
    /// The id.
    pub id: i64,
    /// The name of the login; unique in whatever case.
    pub login: &'a str,
    /// The full name.
    pub name: &'a str,
    /// The national id, with dashes.
    pub id_card: &'a str,
    /// What kind of user, such as `operador`.
    pub user_type: &'a str,
    /// Such as `ACTIVO`.
    pub status: &'a str,
    /// The mail address.
    pub email: &'a str,
    /// The extension of the telephone, as written.
    pub extension: &'a str,
    /// The internal department.
    pub department: i64,
    /// The id of the role.
    pub role_id: i64,
    /// The name of the role.
    pub role: &'a str,
    /// The number of the mobile telephone.
    pub mobile: &'a str,
    /// The systems the user may enter.
    pub systems: &'a [String],
    /// The user of Synology Chat, if known.
    pub synology_id: Option<i64>,
}

/// A member of the staff as stored.
pub struct InternalUser {
    pub id: i64,
    pub login: String,
    pub name: String,
    pub id_card: String,
    pub user_type: String,
    pub status: String,
    pub accesses: String,
    pub username: String,
    pub email: String,
    pub extension: String,
    pub ticket_access: bool,
    pub department_id: i64,
    pub role_id: i64,
    pub role: String,
    pub manager: bool,
    pub mobile: String,
    pub last_access_at: Option<OffsetDateTime>,
    pub ip_address: Option<String>,
    pub systems: Vec<String>,
    pub synology_id: Option<i64>,
}

/// Which users to find; every filter that is there counts.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub login: Option<String>,
    pub email: Option<String>,
    pub department: Option<i64>,
    pub id: Option<i64>,
}

impl Filter {
    fn check(&self) -> Result<(), Error> {
        let wrong = |field, reason, description: &str| {
            Err(Error::Invalid(vec![FieldViolation {
                field,
                reason,
                description: description.to_owned(),
            }]))
        };
        if self.names().is_empty() {
            return wrong("user", "REQUIRED", "a filter is needed");
        }
        for (field, text) in [("user", &self.login), ("email", &self.email)] {
            let text = text.as_deref().unwrap_or_default();
            if text.chars().nth(LONGEST).is_some() || text.contains('\0') {
                return wrong(field, "TOO_LONG", "must be at most 191 characters");
            }
        }
        Ok(())
    }

    /// The filters that are there, by name.
    fn names(&self) -> Vec<&'static str> {
        [
            ("login", self.login.is_some()),
            ("email", self.email.is_some()),
            ("department", self.department.is_some()),
            ("id", self.id.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
    }
}

/// The directory of the staff.
pub struct Staff {
    pub pool: PgPool,
    pub clock: Clock,
}

impl Staff {
    /// The users that pass the filter. Who asked, and how many rows were answered,
    /// is noted before the answer goes out.
    async fn find(&self, caller: &Caller, filter: &Filter) -> Result<Vec<InternalUser>, Error> {
        may_read(caller)?;
        filter.check()?;
        let mut transaction = self.pool.begin().await?;
        let users = store::find(&mut transaction, filter).await?;
        let event = SecurityEvent::of(Kind::InternalUsersRead).with(json!({
            "rows": users.len(),
            "filters": filter.names(),
        }));
        security_events::record(&mut transaction, self.clock.now(), caller, event).await?;
        transaction.commit().await?;
        Ok(users)
    }

    /// Notes which user of Synology Chat an active internal user is; says whether
    /// that is new.
    async fn bind_synology_id(
        &self,
        caller: &Caller,
        login: &str,
        synology_id: i64,
    ) -> Result<(InternalUser, bool), Error> {
        if synology_id < 1 {
            return Err(Error::Invalid(vec![FieldViolation {
                field: "user_id",
                reason: "FORMAT",
                description: "must be at least 1".into(),
            }]));
        }
        if login.chars().nth(LONGEST).is_some() || login.contains('\0') {
            return Err(Error::NoSuchInternalUser);
        }
        let mut transaction = self.pool.begin().await?;
        let locked = store::lock_for_binding(&mut transaction, login, synology_id).await?;
        let user = locked
            .iter()
            .find(|user| user.named && user.status == ACTIVE)
            .ok_or(Error::NoSuchInternalUser)?;
        let changed = user.synology_id != Some(synology_id);
        if changed {
            let holder = locked.iter().find(|other| !other.named);
            if let Some(holder) = holder {
                if holder.status == ACTIVE {
                    return Err(Error::SynologyIdTaken);
                }
                store::set_synology_id(&mut transaction, holder.id, None).await?;
            }
            store::set_synology_id(&mut transaction, user.id, Some(synology_id)).await?;
            let event = SecurityEvent::of(Kind::SynologyBound).with(json!({
                "internal_user_id": user.id,
                "taken_from": holder.map(|holder| holder.id),
            }));
            security_events::record(&mut transaction, self.clock.now(), caller, event).await?;
        }
        let filter = Filter {
            id: Some(user.id),
            ..Filter::default()
        };
        let bound = store::find(&mut transaction, &filter).await?;
        transaction.commit().await?;
        let bound = bound.into_iter().next().ok_or(Error::NoSuchInternalUser)?;
        Ok((bound, changed))
    }
}

/// The scope is a right of the API client. Of users, super users alone have
/// business with the staff of the operator.
fn may_read(caller: &Caller) -> Result<(), Error> {
    let user_may = caller
        .user
        .as_ref()
        .is_none_or(|user| user.role == Role::Super);
    if &*caller.service == "edge" && caller.has_scope(SCOPE) && user_may {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}
