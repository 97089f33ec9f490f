//! What an operator does at a command line, beside the API: make a user or an API
//! client, or give a client a new secret.

use auth::{Authority, CompanyId, DepartmentId, Role, UserId};
use chassis::{Clock, config::Secret};
use sqlx::PgPool;
use time::Duration;

use crate::{
    Config,
    clients::{self, SecretMac},
    password::PasswordHasher,
    users,
};

pub use crate::error::Error;

/// An API client to create.
#[derive(Clone, Debug, clap::Args)]
pub struct NewClient {
    /// The public name (X-User-Consumo): 3 to 100 letters, digits, dots, dashes
    /// and underscores.
    pub consumo: String,
    /// The display name; the public name when none is given.
    #[arg(long)]
    pub name: Option<String>,
    /// How far it may act without a user: platform, company or delegated.
    #[arg(long, default_value = "delegated", value_parser = authority)]
    pub authority: Authority,
    /// Its company, or the home company of a platform client.
    #[arg(long)]
    pub company: Option<i64>,
    /// An extra right, such as crm:read; may be repeated.
    #[arg(long = "scope")]
    pub scopes: Vec<String>,
}

/// A user to create.
#[derive(Clone, Debug, clap::Args)]
pub struct NewUser {
    /// The login address, at most 191 characters.
    pub email: String,
    /// The display name: 1 to 191 characters.
    #[arg(long)]
    pub name: String,
    /// The documented type: 1 super, 2 admin, 3 chat agent.
    #[arg(long, value_parser = role)]
    pub role: Role,
    /// The company.
    #[arg(long)]
    pub company: i64,
    /// The department, if there is one.
    #[arg(long)]
    pub department: Option<i64>,
    /// A telephone number.
    #[arg(long, default_value = "")]
    pub phone: String,
}

/// The credentials of an API client that was made.
#[derive(Debug)]
pub struct MadeClient {
    /// The public name.
    pub consumo: String,
    /// The secret, which nobody can read again.
    pub secret: Secret,
}

/// Creates an API client.
pub async fn create_client(
    pool: &PgPool,
    config: &Config,
    new: NewClient,
) -> anyhow::Result<MadeClient> {
    config.check()?;
    let macs = SecretMac::new(&config.pepper)?;
    let client = clients::NewClient {
        name: new.name.unwrap_or_else(|| new.consumo.clone()),
        consumo: new.consumo,
        authority: new.authority,
        company: new.company.map(CompanyId),
        scopes: new.scopes,
    };
    let secret = clients::create(pool, &macs, Clock::system().now(), &client).await?;
    Ok(MadeClient {
        consumo: client.consumo,
        secret,
    })
}

/// Gives an API client a new secret, which nobody can read again; the present one
/// stays good for `grace`.
pub async fn rotate_client_secret(
    pool: &PgPool,
    config: &Config,
    consumo: &str,
    grace: Duration,
) -> anyhow::Result<Secret> {
    config.check()?;
    let macs = SecretMac::new(&config.pepper)?;
    let now = Clock::system().now();
    Ok(clients::rotate_secret(pool, &macs, now, consumo, grace).await?)
}

/// Creates a user with a password of 8 to 191 characters.
pub async fn create_user(
    pool: &PgPool,
    config: &Config,
    new: NewUser,
    password: Secret,
) -> anyhow::Result<UserId> {
    config.check()?;
    let user = users::NewUser {
        code: String::new(),
        name: new.name,
        email: new.email,
        phone: new.phone,
        role: new.role,
        password,
        company: CompanyId(new.company),
        department: new.department.map(DepartmentId),
        active: true,
    };
    let passwords = PasswordHasher::start(1)?;
    let made = users::create(pool, &passwords, Clock::system().now(), &user).await?;
    Ok(made.id)
}

fn authority(text: &str) -> Result<Authority, &'static str> {
    clients::authority_of(text).ok_or("it is platform, company or delegated")
}

fn role(text: &str) -> Result<Role, &'static str> {
    let number = text.parse().ok();
    number.and_then(Role::of).ok_or("it is 1, 2 or 3")
}
