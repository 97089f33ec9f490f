//! Changing a user: what differs is judged field by field, written, announced, and
//! told to those who check tokens before the answer.

use auth::{Caller, CompanyId, DepartmentId, Role, UserId};
use chassis::config::Secret;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::{
    Account, Users, check_email, check_line, check_name, check_password, creation, room, store,
    violation,
};
use crate::{
    access::{self, Action},
    error::Error,
    events, resets,
    revocations::{self, Sequence, Subject},
    security_events::{self, Kind, SecurityEvent},
};

/// How long after a login users may change their own password.
const FRESH: Duration = Duration::minutes(5);

/// Values to apply; those that are absent stay.
#[derive(Default)]
pub struct Change {
    pub code: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub password: Option<Secret>,
    pub role: Option<Role>,
    pub online: Option<bool>,
    pub active: Option<bool>,
    pub company: Option<CompanyId>,
    pub department: Option<DepartmentId>,
}

/// What differs, by the names of the table of rights.
type Differences = Vec<Action>;

impl Users {
    /// Changes a user; says how it is now and whether anything differed. `through`
    /// is what the caller must be admitted to.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        user: UserId,
        change: &Change,
        through: Action,
    ) -> Result<(Account, bool), Error> {
        access::admit(caller, through)?;
        change.check()?;
        let password_phc = self.prepare(caller, user, change).await?;

        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let before = store::lock(&mut transaction, caller.scope(), user)
            .await?
            .ok_or(Error::NoSuchUser)?;
        access::judge(caller, Action::Change, before.target())?;
        let (after, differences) = change.on(&before);
        if differences.is_empty() {
            drop(transaction);
            self.settle_again(&before).await?;
            return Ok((before, false));
        }
        for difference in &differences {
            access::judge(caller, *difference, before.target())?;
        }
        self.rules(&mut transaction, caller, &before, &after, &differences)
            .await?;
        store::update(&mut transaction, now, &after).await?;
        if let Some(password_phc) = password_phc {
            store::set_password(&mut transaction, user, &password_phc).await?;
            resets::void_links(&mut transaction, user, self.clock.now()).await?;
        }
        tell(&mut transaction, now, caller, &after, &differences).await?;
        let sequence = self
            .revoke(&mut transaction, now, user, &after, &differences)
            .await?;
        let after = store::find(&mut transaction, caller.scope(), user).await?;
        transaction.commit().await?;
        if let Some(sequence) = sequence {
            revocations::settled(&self.pool, sequence).await?;
        }
        Ok((after.ok_or(Error::NoSuchUser)?, true))
    }

    /// Judges and hashes a new password, which takes long, before anything is
    /// locked.
    async fn prepare(
        &self,
        caller: &Caller,
        user: UserId,
        change: &Change,
    ) -> Result<Option<String>, Error> {
        let Some(password) = &change.password else {
            return Ok(None);
        };
        let mut connection = self.pool.acquire().await?;
        let found = store::find(&mut connection, caller.scope(), user).await?;
        drop(connection);
        let account = found.ok_or(Error::NoSuchUser)?;
        for action in [Action::Change, Action::ChangePassword] {
            access::judge(caller, action, account.target())?;
        }
        let email = change.email.as_deref().unwrap_or(&account.user.email);
        let name = change.name.as_deref().unwrap_or(&account.user.name);
        check_password(password, &[email, name]).map_err(|wrong| Error::Invalid(vec![wrong]))?;
        Ok(Some(self.passwords.hash(password.clone()).await?))
    }

    /// The rules that no table holds.
    async fn rules(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        before: &Account,
        after: &Account,
        differences: &Differences,
    ) -> Result<(), Error> {
        let own = access::is_self(caller, before.user.id);
        let principal = access::admit(caller, Action::Change)?;
        if differences.contains(&Action::ChangeRole) && !principal.gives(after.user.role) {
            return Err(Error::Forbidden);
        }
        if own && before.user.active && !after.user.active {
            return Err(Error::Forbidden);
        }
        let moved = differences.contains(&Action::ChangeCompany)
            || differences.contains(&Action::ChangeDepartment);
        if let Some(department) = after.user.department.filter(|_| moved) {
            creation::belongs(db, department, after.user.company, true).await?;
        }
        let comes =
            differences.contains(&Action::ChangeCompany) || differences.contains(&Action::Switch);
        if comes && after.user.active {
            room::for_one_more(db, after.user.company).await?;
        }
        if own && differences.contains(&Action::ChangePassword) {
            self.fresh(db, caller).await?;
        }
        Ok(())
    }

    async fn fresh(&self, db: &mut PgConnection, caller: &Caller) -> Result<(), Error> {
        let user = caller.user.as_ref().ok_or(Error::SessionNotFresh)?;
        let opened = store::session_opened(db, user.session, user.id).await?;
        opened
            .filter(|opened| self.clock.now() - *opened <= FRESH)
            .map(|_| ())
            .ok_or(Error::SessionNotFresh)
    }

    /// Voids the tokens of the user, or what they say, at the end of the
    /// transaction.
    async fn revoke(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
        user: UserId,
        after: &Account,
        differences: &Differences,
    ) -> Result<Option<Sequence>, Error> {
        let any = |wanted: &[Action]| wanted.iter().any(|action| differences.contains(action));
        let switched_off = any(&[Action::Switch]) && !after.user.active;
        let subject = if switched_off || any(&[Action::ChangePassword, Action::ChangeRole]) {
            Subject::User(user)
        } else if any(&[
            Action::ChangeCompany,
            Action::ChangeDepartment,
            Action::ChangeName,
            Action::ChangeEmail,
        ]) {
            Subject::ChangedUser(user)
        } else {
            return Ok(None);
        };
        let forget_at = Some(now + self.longest_session);
        Ok(Some(
            revocations::record(db, now, subject, forget_at).await?,
        ))
    }

    /// Waits for an earlier switching off whose own answer may have got lost.
    async fn settle_again(&self, account: &Account) -> Result<(), Error> {
        if account.user.active || account.epoch == 0 {
            return Ok(());
        }
        revocations::settled(&self.pool, Sequence(account.epoch)).await
    }
}

impl Change {
    /// Judges the values by themselves; a password needs to know its user.
    fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        wrong.extend(self.name.as_deref().and_then(|name| check_name(name).err()));
        let code = self.code.as_deref();
        wrong.extend(code.and_then(|code| check_line("code", code).err()));
        wrong.extend(
            self.email
                .as_deref()
                .and_then(|email| check_email(email).err()),
        );
        let phone = self.phone.as_deref();
        wrong.extend(phone.and_then(|phone| check_line("phone", phone).err()));
        if self.company.is_some() && self.department.is_none() {
            wrong.push(violation("department", "REQUIRED", "goes with a company"));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(wrong))
        }
    }

    /// The account as it shall be, and what differs.
    fn on(&self, before: &Account) -> (Account, Differences) {
        let mut after = before.clone();
        let mut differences = Vec::new();
        let mut note = |differs: bool, action| {
            if differs {
                differences.push(action);
            }
        };
        let email = self.email.as_ref().map(|email| email.to_lowercase());
        let department = self.department.map(Some);
        note(put(&mut after.code, self.code.as_ref()), Action::ChangeCode);
        note(
            put(&mut after.user.name, self.name.as_ref()),
            Action::ChangeName,
        );
        note(
            put(&mut after.user.email, email.as_ref()),
            Action::ChangeEmail,
        );
        note(
            put(&mut after.phone, self.phone.as_ref()),
            Action::ChangePhone,
        );
        note(self.password.is_some(), Action::ChangePassword);
        note(
            put(&mut after.user.role, self.role.as_ref()),
            Action::ChangeRole,
        );
        note(
            put(&mut after.online, self.online.as_ref()),
            Action::ChangeOnline,
        );
        note(
            put(&mut after.user.company, self.company.as_ref()),
            Action::ChangeCompany,
        );
        note(
            put(&mut after.user.department, department.as_ref()),
            Action::ChangeDepartment,
        );
        note(
            put(&mut after.user.active, self.active.as_ref()),
            Action::Switch,
        );
        (after, differences)
    }
}

/// Puts a value in place of another; says whether they differ.
fn put<T: Clone + PartialEq>(place: &mut T, value: Option<&T>) -> bool {
    match value {
        Some(value) if value != place => {
            place.clone_from(value);
            true
        }
        _ => false,
    }
}

/// Tells what happened, to the log of security events and to other services.
async fn tell(
    db: &mut PgConnection,
    now: OffsetDateTime,
    caller: &Caller,
    after: &Account,
    differences: &Differences,
) -> Result<(), Error> {
    let mut fields = Vec::new();
    let mut kinds = Vec::new();
    let mut announced = false;
    for difference in differences {
        match difference {
            Action::ChangePassword => kinds.push(Kind::PasswordChanged),
            Action::ChangeRole => kinds.push(Kind::RoleChanged),
            Action::Switch if after.user.active => kinds.push(Kind::UserEnabled),
            Action::Switch => kinds.push(Kind::UserDisabled),
            other => fields.push(field_name(*other)),
        }
        announced |= !matches!(
            difference,
            Action::ChangePassword
                | Action::ChangeCode
                | Action::ChangePhone
                | Action::ChangeOnline
        );
    }
    let of_user = |kind| SecurityEvent::of_user(kind, after.user.company, after.user.id);
    for kind in kinds {
        let details = serde_json::json!({"type": after.user.role.number()});
        security_events::record(db, now, caller, of_user(kind).with(details)).await?;
    }
    if !fields.is_empty() {
        let event = of_user(Kind::UserChanged).with(serde_json::json!({"fields": fields}));
        security_events::record(db, now, caller, event).await?;
    }
    if announced {
        events::user_changed(db, now, &after.user).await?;
    }
    Ok(())
}

fn field_name(change: Action) -> &'static str {
    match change {
        Action::ChangeCode => "code",
        Action::ChangeName => "name",
        Action::ChangeEmail => "email",
        Action::ChangePhone => "phone",
        Action::ChangeOnline => "online",
        Action::ChangeCompany => "company",
        Action::ChangeDepartment => "department",
        _ => "other",
    }
}
