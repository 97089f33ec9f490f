//! What an operator does at a command line, beside the API: manage users and API
//! clients. The binary of this service and `standalone` understand the same.

mod clients;

use std::io::Read;

use auth::{CompanyId, DepartmentId, Role, UserId};
use chassis::{Clock, config::Secret};
use sqlx::PgPool;

use crate::{Config, password::PasswordHasher, users};

pub use crate::clients::ForgotMode;
pub use crate::error::Error;
pub use clients::{
    ClientCommand, MadeClient, NewClient, create_client, disable_client, list_clients,
    rotate_client_secret,
};

/// Manages the people and programs that may call.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Manage API clients.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Manage users.
    #[command(subcommand)]
    User(UserCommand),
}

/// Manages users.
#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    /// Create a user; the password is read from standard input.
    Create(NewUser),
}

/// Does what a command says, against a migrated database, and prints what came of
/// it.
pub async fn run(command: Command, pool: &PgPool, config: &Config) -> anyhow::Result<()> {
    let done = match command {
        Command::Client(command) => clients::run(command, pool, config).await,
        Command::User(UserCommand::Create(new)) => {
            let mut password = String::new();
            std::io::stdin().read_to_string(&mut password)?;
            let password = Secret::new(password.trim_end_matches(['\r', '\n']));
            create_user(pool, config, new, password)
                .await
                .map(|id| println!("user {id} created"))
        }
    };
    done.map_err(in_words)
}

/// Names the wrong fields, which callers of the API get as details.
fn in_words(error: anyhow::Error) -> anyhow::Error {
    let Some(Error::Invalid(violations)) = error.downcast_ref() else {
        return error;
    };
    let named: Vec<String> = violations
        .iter()
        .map(|violation| format!("{} {}", violation.field, violation.description))
        .collect();
    anyhow::anyhow!("{}", named.join("; "))
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

fn role(text: &str) -> Result<Role, &'static str> {
    let number = text.parse().ok();
    number.and_then(Role::of).ok_or("it is 1, 2 or 3")
}
