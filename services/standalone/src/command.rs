//! The command line: `serve`, `demo`, `client`, `user`, `keygen`, `migrate`,
//! `config`, `health`.

use std::{path::PathBuf, process::ExitCode};

use chassis::{
    Lifecycle,
    config::{Secret, Source},
    telemetry,
};
use clap::{Parser, Subcommand};
use host::report;

use crate::{config::Config, database::Database, demo, system::System, welcome};

/// The exit code of a bad configuration (EX_USAGE of sysexits.h).
const BAD_USAGE: u8 = 64;

/// The customer care backend in one process.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A TOML file with settings; variables `ATENCION_SECTION__KEY` win over it.
    #[arg(long, env = "ATENCION_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// A PostgreSQL server to use instead of a private one.
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true)]
    database_url: Option<String>,
    /// A Redis server to use instead of the bus in this process.
    #[arg(long, env = "REDIS_URL", global = true, hide_env_values = true)]
    redis_url: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM; the default.
    Serve,
    /// Create the demonstration data where it is missing.
    Demo {
        /// Go on serving afterwards.
        #[arg(long)]
        serve: bool,
    },
    /// Bring every schema up to date and exit.
    Migrate,
    /// Print the effective settings, secrets as stars.
    Config,
    /// Ask the running system whether it is ready; exit code 0 when it is.
    Health,
    /// Make a key pair for context tokens.
    Keygen {
        /// The id of the key, such as edge-1.
        id: String,
    },
    #[command(flatten)]
    Manage(identity::commands::Command),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = Source::of_process(arguments.config.as_deref()).and_then(|source| {
        let database_url = arguments.database_url.map(Secret::new).unwrap_or_default();
        let redis_url = arguments.redis_url.map(Secret::new).unwrap_or_default();
        Config::read(&source, database_url, redis_url)
    });
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            eprintln!("the configuration cannot be used: {error}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    let flush = match telemetry::start("standalone", &config.settings.log) {
        Ok(flush) => flush,
        Err(error) => return report(&error),
    };
    // Several crates bring rustls along; one provider is chosen for all of them.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            runtime.block_on(run(arguments.command.unwrap_or(Command::Serve), config))
        });
    drop(flush);
    outcome.unwrap_or_else(|error| report(&error))
}

async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => serve(config, false).await,
        Command::Demo { serve: true } => serve(config, true).await,
        Command::Demo { serve: false } => {
            with_database(config, async |config, database| {
                demo::create(config, database).await
            })
            .await
        }
        Command::Config => {
            println!("{}", config.print()?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Health => {
            welcome::health(config.address()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Keygen { id } => {
            let (private, public) = auth::generate(&id)?;
            println!(
                "signing_key = \"{}\"\ntrusted_keys = [\"{public}\"]",
                private.expose()
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate => with_database(config, async |_, _| Ok(())).await,
        Command::Manage(command) => {
            with_database(config, async |config, database| {
                let pool = database.pool("standalone")?;
                identity::commands::run(command, &pool, &config.identity).await
            })
            .await
        }
    }
}

/// Runs a short command against the migrated database.
async fn with_database(
    mut config: Config,
    action: impl AsyncFnOnce(&Config, &Database) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    config.fill_secrets()?;
    let database = Database::open(&config).await?;
    let done = async {
        database.migrate().await?;
        action(&config, &database).await
    }
    .await;
    database.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn serve(mut config: Config, with_demo: bool) -> anyhow::Result<ExitCode> {
    let address = config.address()?;
    let listener = chassis::grpc::bind(address).await?;
    config.fill_secrets()?;
    let database = Database::open(&config).await?;
    let lifecycle = Lifecycle::new(config.settings.process.grace());
    let started = async {
        database.migrate().await?;
        let system = System::build(&config, &database, &lifecycle.stop()).await?;
        if with_demo {
            demo::create(&config, &database).await?;
        }
        system.run(listener, &lifecycle);
        anyhow::Ok(())
    };
    let code = tokio::select! {
        // The lifecycle listens for signals from the beginning, so that a start
        // that takes long can be interrupted.
        code = lifecycle.run() => code,
        error = async {
            match started.await {
                Ok(()) => {
                    welcome::print(address, with_demo);
                    std::future::pending().await
                }
                Err(error) => error,
            }
        } => {
            database.close().await?;
            return Err(error);
        }
    };
    database.close().await?;
    Ok(code)
}
