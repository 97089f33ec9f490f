//! `client` and `user`: who may call, managed at a command line.

use chassis::config::Secret;
use clap::Subcommand;
use identity::commands::{self, NewClient, NewUser};
use sqlx::PgPool;

/// Manages API clients.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Create an API client and print its secret, once.
    Create(NewClient),
    /// Give an API client a second secret and print it, once.
    Rotate {
        /// The public name, X-User-Consumo.
        consumo: String,
        /// Hours for which the present secret stays good.
        #[arg(long, default_value_t = 24)]
        grace_hours: u16,
    },
}

/// Manages users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user; the password is read from standard input.
    Create(NewUser),
}

/// Does what a `client` command says.
pub(crate) async fn client(
    command: ClientCommand,
    pool: &PgPool,
    config: &identity::Config,
) -> anyhow::Result<()> {
    let (consumo, secret) = match command {
        ClientCommand::Create(new) => {
            let made = commands::create_client(pool, config, new).await?;
            (made.consumo, made.secret)
        }
        ClientCommand::Rotate {
            consumo,
            grace_hours,
        } => {
            let grace = time::Duration::hours(grace_hours.into());
            let secret = commands::rotate_client_secret(pool, config, &consumo, grace).await?;
            (consumo, secret)
        }
    };
    println!(
        "X-User-Consumo: {consumo}\nX-User-Secret: {}",
        secret.expose()
    );
    println!("The secret cannot be shown again.");
    Ok(())
}

/// Creates a user with the password on standard input.
pub(crate) async fn create_user(
    new: NewUser,
    pool: &PgPool,
    config: &identity::Config,
) -> anyhow::Result<()> {
    let password = std::io::read_to_string(std::io::stdin())?;
    let password = Secret::new(password.trim_end_matches(['\r', '\n']));
    let id = commands::create_user(pool, config, new, password).await?;
    println!("user {id} created");
    Ok(())
}
