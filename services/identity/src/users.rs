//! Users: the people who may log in.

mod change;
mod creation;
mod list;
mod room;
pub mod rpc;
mod store;

use auth::{Caller, CompanyId, DepartmentId, Role, UserId};
use chassis::{Clock, FieldViolation, config::Secret};
use idempotency::Keys;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::{
    access::{self, Action, Principal, Target},
    clients::SecretMac,
    error::Error,
    events,
    password::{PasswordHasher, policy},
    pictures::{Picture, Pictures},
};

pub use store::{find, insert_with_id, lock, move_sequence};

/// The longest text of a field, in characters.
const LONGEST: usize = 191;

/// A user as others may know it.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub company: CompanyId,
    pub department: Option<DepartmentId>,
    pub role: Role,
    pub name: String,
    pub email: String,
    pub active: bool,
}

/// A user with everything that those who manage users may know.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: User,
    pub code: String,
    pub phone: String,
    pub online: bool,
    /// Tokens with a smaller one are void.
    pub epoch: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub picture: Option<Picture>,
}

impl Account {
    /// The user as the table of rights sees it.
    pub fn target(&self) -> Target {
        Target {
            id: self.user.id,
            company: self.user.company,
            role: self.user.role,
        }
    }
}

/// What managing users needs.
pub struct Users {
    pub pool: PgPool,
    pub passwords: PasswordHasher,
    pub pictures: Pictures,
    pub macs: SecretMac,
    /// How long a token can live at most: revocations may be forgotten after that.
    pub longest_session: Duration,
    pub clock: Clock,
    pub idempotency: Keys,
}

/// How a user is named.
pub enum Selector {
    Id(UserId),
    Email(String),
    /// The key that the same caller gave the creation.
    Key(String),
    /// Whoever the caller is.
    Caller,
}

/// How many users a company has.
pub struct Figures {
    pub total: i64,
    pub active: i64,
}

impl Users {
    /// One user.
    async fn get(&self, caller: &Caller, selector: Selector) -> Result<Account, Error> {
        let principal = access::admit(caller, Action::Show)?;
        let service = matches!(principal, Principal::Tenancy | Principal::Service);
        let mut connection = self.pool.acquire().await?;
        let id = match selector {
            Selector::Id(id) => Some(id),
            Selector::Caller => {
                let own = caller.user.as_ref().map(|user| user.id);
                Some(own.ok_or_else(|| Error::field("id", "REQUIRED", "names no user"))?)
            }
            Selector::Email(_) | Selector::Key(_) if !service => return Err(Error::Forbidden),
            Selector::Email(email) => store::by_email(&mut connection, &email).await?,
            Selector::Key(key) => {
                let made = store::creation(&mut connection, &caller.service, &key).await?;
                made.map(|made| made.user)
            }
        };
        let id = id.ok_or(Error::NoSuchUser)?;
        let account = store::find(&mut connection, caller.scope(), id).await?;
        let account = account.ok_or(Error::NoSuchUser)?;
        access::judge(caller, Action::Show, account.target())?;
        Ok(account)
    }

    /// The figures of a company, without one of the caller's own.
    async fn figures(&self, caller: &Caller, company: Option<CompanyId>) -> Result<Figures, Error> {
        access::admit(caller, Action::Count)?;
        let company = company.or_else(|| caller.home_company());
        let company = company.ok_or(Error::Forbidden)?;
        Ok(store::figures(&self.pool, caller.scope(), company).await?)
    }
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The company's own code for the user; may be empty.
    pub code: String,
    /// The display name: 1 to 191 characters.
    pub name: String,
    /// The login address, at most 191 characters; kept in lower case.
    pub email: String,
    /// A number in any usual writing; may be empty.
    pub phone: String,
    /// The documented type.
    pub role: Role,
    /// 8 to 191 characters.
    pub password: Secret,
    /// The company.
    pub company: CompanyId,
    /// The department, if there is one.
    pub department: Option<DepartmentId>,
    /// Whether the user may log in.
    pub active: bool,
}

impl NewUser {
    /// What is wrong with the fields, if anything is.
    fn check(&self) -> Result<(), Error> {
        let mut wrong: Vec<FieldViolation> = [
            check_name(&self.name),
            check_line("code", &self.code),
            check_email(&self.email),
            check_line("phone", &self.phone),
            check_password(&self.password, &[&self.email, &self.name]),
        ]
        .into_iter()
        .filter_map(Result::err)
        .collect();
        if self.company.0 <= 0 {
            wrong.push(violation("company", "NOT_REGISTERED", "must be a company"));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(wrong))
        }
    }

    /// The user it becomes under an id.
    pub fn with_id(&self, id: UserId) -> User {
        User {
            id,
            company: self.company,
            department: self.department,
            role: self.role,
            name: self.name.clone(),
            email: self.email.to_lowercase(),
            active: self.active,
        }
    }
}

fn violation(field: &'static str, reason: &'static str, description: &str) -> FieldViolation {
    FieldViolation {
        field,
        reason,
        description: description.to_owned(),
    }
}

fn check_name(name: &str) -> Result<(), FieldViolation> {
    if name.is_empty() {
        return Err(violation("name", "REQUIRED", "must be 1 to 191 characters"));
    }
    check_line("name", name)
}

fn check_line(field: &'static str, text: &str) -> Result<(), FieldViolation> {
    if text.chars().nth(LONGEST).is_some() || text.contains('\0') {
        let description = "must be at most 191 characters";
        return Err(violation(field, "FORMAT", description));
    }
    Ok(())
}

fn check_email(email: &str) -> Result<(), FieldViolation> {
    if is_email(email) {
        Ok(())
    } else {
        Err(violation("email", "FORMAT", "must be a mail address"))
    }
}

/// Judges a new password; `about` is what must not serve as one.
fn check_password(password: &Secret, about: &[&str]) -> Result<(), FieldViolation> {
    policy::check(password.expose(), about)
}

/// Says whether a text can be a mail address at all: something on either side of
/// one `@`, and no blanks.
pub fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    text.len() <= LONGEST
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Creates a user, at the word of an operator, and announces it.
pub async fn create(
    pool: &PgPool,
    passwords: &PasswordHasher,
    now: OffsetDateTime,
    new: &NewUser,
) -> Result<User, Error> {
    new.check()?;
    let password_phc = passwords.hash(new.password.clone()).await?;
    let mut transaction = pool.begin().await?;
    let id = store::insert(&mut transaction, now, new, &password_phc).await?;
    let user = new.with_id(id);
    events::user_changed(&mut transaction, now, &user).await?;
    transaction.commit().await?;
    Ok(user)
}
