//! The command line of a service: `serve`, `migrate`, `config`, `health`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use chassis::{
    Lifecycle,
    config::{ConfigError, Source, print},
    telemetry,
};
use clap::Parser;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::PgPool;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{Process, Settings, Spec, serve_grpc};

/// The exit code of a bad configuration (EX_USAGE of sysexits.h).
const BAD_USAGE: u8 = 64;

const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// What every binary understands.
#[derive(Debug, Parser)]
#[command(version, about = "A service of the customer care backend")]
pub struct Arguments {
    /// A TOML file with settings; variables `ATENCION_SECTION__KEY` win over it.
    #[arg(long, env = "ATENCION_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// What to do; serves when nothing is said.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
}

/// What a service can be told to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Subcommand)]
pub enum Subcommand {
    /// Serve until SIGTERM.
    #[default]
    Serve,
    /// Bring the schema up to date and exit.
    Migrate,
    /// Print the effective settings, secrets as stars.
    Config,
    /// Ask the running process whether it is ready; exit code 0 when it is.
    Health,
}

/// The `main` of a service.
pub fn main<C>(spec: Spec<C>) -> ExitCode
where
    C: Default + Serialize + DeserializeOwned + Send + 'static,
{
    run(spec, &Arguments::parse())
}

/// Does what the arguments say, for services that understand more than these.
pub fn run<C>(spec: Spec<C>, arguments: &Arguments) -> ExitCode
where
    C: Default + Serialize + DeserializeOwned + Send + 'static,
{
    let command = arguments.command.unwrap_or_default();
    let (settings, config) = match read(&spec, arguments.config.as_deref()) {
        Ok(read) => read,
        Err(error) => return bad_configuration(&error),
    };
    if command == Subcommand::Config {
        return show(&settings, spec.section, &config);
    }
    let flush = match telemetry::start(spec.name, &settings.log) {
        Ok(flush) => flush,
        Err(error) => return report(&error),
    };
    choose_provider();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    let code = runtime.block_on(async {
        match command {
            Subcommand::Migrate => finish(migrate(spec, &settings).await),
            Subcommand::Health => finish(ask(&spec, &settings).await),
            Subcommand::Serve | Subcommand::Config => serve(spec, config, settings).await,
        }
    });
    drop(flush);
    code
}

/// Runs a short command of a service against its migrated database, beside or
/// without a running process.
pub fn with_database<C>(
    spec: &Spec<C>,
    config: Option<&Path>,
    action: impl AsyncFnOnce(PgPool, C) -> anyhow::Result<()>,
) -> ExitCode
where
    C: Default + Serialize + DeserializeOwned,
{
    let (settings, config) = match read(spec, config) {
        Ok(read) => read,
        Err(error) => return bad_configuration(&error),
    };
    choose_provider();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    finish(runtime.block_on(async {
        let pool = postgres::pool::pool(&settings.database, spec.name)?;
        postgres::migrate::apply(&pool, spec.schema, spec.migrator).await?;
        action(pool, config).await
    }))
}

/// Several crates bring rustls along; one provider is chosen for all of them.
fn choose_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn read<C: Default + Serialize + DeserializeOwned>(
    spec: &Spec<C>,
    file: Option<&Path>,
) -> Result<(Settings, C), ConfigError> {
    let source = Source::of_process(file)?;
    Ok((Settings::read(&source)?, source.section(spec.section)?))
}

async fn serve<C: Send + 'static>(spec: Spec<C>, config: C, settings: Settings) -> ExitCode {
    let lifecycle = Lifecycle::new(settings.process.grace());
    let stop = lifecycle.stop();
    let (starting, running) = tokio::join!(
        start(spec, config, settings, &lifecycle, &stop),
        lifecycle.run()
    );
    if starting { running } else { ExitCode::FAILURE }
}

/// Starts while the lifecycle already listens for signals; a failed start stops
/// it.
async fn start<C: Send + 'static>(
    spec: Spec<C>,
    config: C,
    settings: Settings,
    lifecycle: &Lifecycle,
    stop: &chassis::Stop,
) -> bool {
    match serve_grpc(spec, config, settings, lifecycle).await {
        Ok(()) => true,
        Err(error) => {
            report(&error);
            stop.request();
            false
        }
    }
}

async fn migrate<C>(spec: Spec<C>, settings: &Settings) -> anyhow::Result<()> {
    let pool = postgres::pool::pool(&settings.database, spec.name)?;
    postgres::migrate::apply(&pool, spec.schema, spec.migrator).await
}

async fn ask<C>(spec: &Spec<C>, settings: &Settings) -> anyhow::Result<()> {
    health(Process::address(&settings.process.listen, spec.port)?).await
}

/// Asks the process that serves gRPC at `address` whether it is ready.
pub async fn health(address: std::net::SocketAddr) -> anyhow::Result<()> {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}"))?
        .timeout(HEALTH_TIMEOUT)
        .connect()
        .await
        .map_err(|error| anyhow::anyhow!("nothing answers on {address}: {error}"))?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await?;
    anyhow::ensure!(
        answer.into_inner().status() == ServingStatus::Serving,
        "the process is up and not ready"
    );
    Ok(())
}

fn show<C: Serialize>(settings: &Settings, section: &str, config: &C) -> ExitCode {
    let own = print(&std::collections::BTreeMap::from([(section, config)]));
    match print(settings).and_then(|shared| Ok(format!("{shared}\n{}", own?))) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => bad_configuration(&error),
    }
}

fn bad_configuration(error: &ConfigError) -> ExitCode {
    eprintln!("the configuration cannot be used: {error}");
    ExitCode::from(BAD_USAGE)
}

fn finish(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Says on standard error why the process cannot go on.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
