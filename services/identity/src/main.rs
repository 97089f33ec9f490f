//! The binary of the identity service: what every service understands, and the
//! management of users and API clients.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use identity::commands;

/// Users, sessions, API clients and signing keys.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A TOML file with settings; variables `ATENCION_SECTION__KEY` win over it.
    #[arg(long, env = "ATENCION_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// What to do; serves when nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Service(host::Subcommand),
    #[command(flatten)]
    Manage(commands::Command),
}

fn main() -> ExitCode {
    let Arguments { config, command } = Arguments::parse();
    match command.unwrap_or(Command::Service(host::Subcommand::Serve)) {
        Command::Service(command) => host::run(
            identity::spec(),
            &host::Arguments {
                config,
                command: Some(command),
            },
        ),
        Command::Manage(command) => host::with_database(
            &identity::spec(),
            config.as_deref(),
            async |pool, config| commands::run(command, &pool, &config).await,
        ),
    }
}
