//! API clients at a command line.

use auth::{Authority, Caller, CompanyId};
use chassis::{Clock, config::Secret};
use postgres::Page;
use sqlx::PgPool;
use time::Duration;

use crate::{
    Config,
    clients::{self, ApiClient, ClientRegister, ForgotMode, Limits, Selection},
};

/// Who security events say it was.
const OPERATOR: &str = "command-line";

/// The most clients that are listed.
const CAP: u32 = 10_000;

/// Manages API clients.
#[derive(Debug, clap::Subcommand)]
pub enum ClientCommand {
    /// Create an API client and print its secret, once.
    Create(NewClient),
    /// Give an API client a second secret and print it, once.
    Rotate {
        /// The public name, X-User-Consumo.
        consumo: String,
        /// Hours for which the present secret stays good, at most 720.
        #[arg(long, default_value_t = 24)]
        grace_hours: u16,
    },
    /// End an API client and the sessions opened through it, for good.
    Disable {
        /// The public name, X-User-Consumo.
        consumo: String,
    },
    /// List the API clients.
    List {
        /// Those of a company alone.
        #[arg(long)]
        company: Option<i64>,
    },
}

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
    /// A network it may call from, such as 203.0.113.0/24; may be repeated. Any
    /// when none is given.
    #[arg(long = "ip-allow")]
    pub ip_allow: Vec<String>,
    /// Calls a minute; 0 is the default of the edge.
    #[arg(long, default_value_t = 0)]
    pub per_minute: u32,
    /// Calls at once; 0 is the default of the edge.
    #[arg(long, default_value_t = 0)]
    pub burst: u32,
    /// Calls a day, in UTC; 0 is the default of the edge.
    #[arg(long, default_value_t = 0)]
    pub per_day: u64,
    /// What it learns about addresses nobody has: contract tells, uniform does
    /// not. A delegated client learns nothing unless this says so.
    #[arg(long, value_parser = forgot_mode)]
    pub forgot: Option<ForgotMode>,
    /// An https address that links to reset a password may begin with; may be
    /// repeated, the default first.
    #[arg(long = "reset-link-base")]
    pub reset_link_bases: Vec<String>,
}

/// The credentials of an API client.
#[derive(Debug)]
pub struct MadeClient {
    /// The public name.
    pub consumo: String,
    /// The secret, which nobody can read again.
    pub secret: Secret,
}

/// Does what a `client` command says.
pub(super) async fn run(
    command: ClientCommand,
    pool: &PgPool,
    config: &Config,
) -> anyhow::Result<()> {
    match command {
        ClientCommand::Create(new) => print_secret(&create_client(pool, config, new).await?),
        ClientCommand::Rotate {
            consumo,
            grace_hours,
        } => {
            let grace = Duration::hours(grace_hours.into());
            let secret = rotate_client_secret(pool, config, &consumo, grace).await?;
            print_secret(&MadeClient { consumo, secret });
        }
        ClientCommand::Disable { consumo } => {
            if disable_client(pool, config, &consumo).await? {
                println!("{consumo} is disabled; no replica accepts it any more");
            } else {
                println!("{consumo} was disabled before");
            }
        }
        ClientCommand::List { company } => {
            for client in list_clients(pool, config, company).await? {
                println!("{client}");
            }
        }
    }
    Ok(())
}

/// Creates an API client.
pub async fn create_client(
    pool: &PgPool,
    config: &Config,
    new: NewClient,
) -> anyhow::Result<MadeClient> {
    let client = clients::NewClient {
        name: new.name.unwrap_or_else(|| new.consumo.clone()),
        consumo: new.consumo,
        authority: new.authority,
        company: new.company.map(CompanyId),
        scopes: new.scopes,
        ip_allow: new.ip_allow,
        limits: Limits {
            per_minute: new.per_minute,
            burst: new.burst,
            per_day: new.per_day,
        },
        forgot_mode: new.forgot,
        reset_link_bases: new.reset_link_bases,
    };
    let made = register(pool, config)?.create(&operator(), &client).await?;
    Ok(MadeClient {
        consumo: made.client.consumo,
        secret: made.secret,
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
    let register = register(pool, config)?;
    let id = register.id_of(consumo).await?;
    let made = register.rotate(&operator(), id, grace).await?;
    Ok(made.secret)
}

/// Ends an API client; says whether it was active.
pub async fn disable_client(pool: &PgPool, config: &Config, consumo: &str) -> anyhow::Result<bool> {
    let register = register(pool, config)?;
    let id = register.id_of(consumo).await?;
    let (_, changed) = register.disable(&operator(), id).await?;
    Ok(changed)
}

/// A line about each API client, the first one with headings.
pub async fn list_clients(
    pool: &PgPool,
    config: &Config,
    company: Option<i64>,
) -> anyhow::Result<Vec<String>> {
    let selection = Selection {
        company,
        ..Selection::default()
    };
    let everything = Page::new(1, 0, true, CAP);
    let (clients, _) = register(pool, config)?.list(selection, everything).await?;
    let headings = "id\tconsumo\tauthority\tcompany\tstate\tsecrets\tlast used".to_owned();
    let lines = clients.iter().map(line);
    Ok(std::iter::once(headings).chain(lines).collect())
}

fn line(client: &ApiClient) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}",
        client.id,
        client.consumo,
        clients::authority_text(client.authority),
        or_dash(client.company.map(|company| company.to_string())),
        if client.active { "active" } else { "disabled" },
        client.secrets,
        or_dash(client.last_used_at.map(|at| at.date().to_string())),
    )
}

fn print_secret(made: &MadeClient) {
    println!(
        "X-User-Consumo: {}\nX-User-Secret: {}",
        made.consumo,
        made.secret.expose()
    );
    println!("The secret cannot be shown again.");
}

fn register(pool: &PgPool, config: &Config) -> anyhow::Result<ClientRegister> {
    config.check()?;
    ClientRegister::new(pool.clone(), config, Clock::system())
}

fn operator() -> Caller {
    Caller::service(OPERATOR)
}

fn authority(text: &str) -> Result<Authority, &'static str> {
    clients::authority_of(text).ok_or("it is platform, company or delegated")
}

fn forgot_mode(text: &str) -> Result<ForgotMode, &'static str> {
    ForgotMode::of(text).ok_or("it is contract or uniform")
}
