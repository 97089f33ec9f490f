//! Users: the people who may log in.

mod store;

use auth::{CompanyId, DepartmentId, Role, UserId};
use chassis::{FieldViolation, config::Secret};
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::{error::Error, events, password::PasswordHasher};

pub use store::{insert_with_id, move_sequence};

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

/// A user to create, active from the start.
#[derive(Clone, Debug)]
pub struct NewUser {
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
}

impl NewUser {
    fn check(&self) -> Result<(), Error> {
        let characters = |text: &str| text.chars().count();
        let mut wrong = Vec::new();
        let mut require = |holds: bool, field, description: &str| {
            if !holds {
                wrong.push(FieldViolation {
                    field,
                    reason: "FORMAT",
                    description: description.to_owned(),
                });
            }
        };
        require(
            (1..=LONGEST).contains(&characters(&self.name)) && !self.name.contains('\0'),
            "name",
            "must be 1 to 191 characters",
        );
        require(is_email(&self.email), "email", "must be a mail address");
        require(
            characters(&self.phone) <= LONGEST && !self.phone.contains('\0'),
            "phone",
            "must be at most 191 characters",
        );
        require(
            (8..=LONGEST).contains(&characters(self.password.expose())),
            "password",
            "must be 8 to 191 characters",
        );
        require(self.company.0 > 0, "company", "must be a company");
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
            active: true,
        }
    }
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

/// Creates a user and announces it.
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
