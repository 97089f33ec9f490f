//! The edge as a process of its own.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use chassis::{
    Clock, Lifecycle, Task,
    config::{ConfigError, Source, print},
    grpc, telemetry,
};
use clap::Parser;
use host::{Arguments, Process, Subcommand, UpstreamUris, Upstreams, report, serve_http};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The exit code of a bad configuration (EX_USAGE of sysexits.h).
const BAD_USAGE: u8 = 64;

const PORT: u16 = 8080;

const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// The sections this process reads.
#[derive(Serialize)]
struct Settings {
    process: Process,
    log: telemetry::Config,
    context: auth::ContextKeys,
    upstreams: UpstreamUris,
    edge: edge::Config,
}

impl Settings {
    fn read(source: &Source) -> Result<Self, ConfigError> {
        Ok(Self {
            process: source.section("process")?,
            log: source.section("log")?,
            context: source.section("context")?,
            upstreams: source.section("upstreams")?,
            edge: source.section("edge")?,
        })
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        Process::address(&self.process.http_listen, PORT)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let read =
        Source::of_process(arguments.config.as_deref()).and_then(|source| Settings::read(&source));
    let settings = match read {
        Ok(settings) => settings,
        Err(error) => return bad_configuration(&error),
    };
    let outcome = match arguments.command.unwrap_or_default() {
        Subcommand::Serve => return serve(settings),
        // It has no database; orchestration may ask every service alike.
        Subcommand::Migrate => Ok(()),
        Subcommand::Config => match print(&settings) {
            Ok(text) => {
                println!("{text}");
                Ok(())
            }
            Err(error) => return bad_configuration(&error),
        },
        Subcommand::Health => runtime().and_then(|runtime| runtime.block_on(health(&settings))),
    };
    outcome.map_or_else(|error| report(&error), |()| ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Runtime::new()?)
}

fn bad_configuration(error: &ConfigError) -> ExitCode {
    eprintln!("the configuration cannot be used: {error}");
    ExitCode::from(BAD_USAGE)
}

fn serve(settings: Settings) -> ExitCode {
    let flush = match telemetry::start("edge", &settings.log) {
        Ok(flush) => flush,
        Err(error) => return report(&error),
    };
    // Several crates bring rustls along; one provider is chosen for all of them.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let code = match runtime() {
        Ok(runtime) => runtime.block_on(run(settings)),
        Err(error) => report(&error),
    };
    drop(flush);
    code
}

async fn run(settings: Settings) -> ExitCode {
    let lifecycle = Lifecycle::new(settings.process.grace());
    match start(settings, &lifecycle).await {
        Ok(()) => lifecycle.run().await,
        Err(error) => report(&error),
    }
}

async fn start(settings: Settings, lifecycle: &Lifecycle) -> anyhow::Result<()> {
    let address = settings.address()?;
    let upstreams = Upstreams::remote(&settings.upstreams)?;
    let edge = edge::router(settings.edge, upstreams, &settings.context, Clock::system())?;
    let listener = grpc::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, service = "edge", "listening");
    lifecycle.spawn(Task::new(
        "http",
        serve_http(listener, edge.router, lifecycle.stop()),
    ));
    for task in edge.tasks {
        lifecycle.spawn(task);
    }
    Ok(())
}

/// Asks the running process whether it is ready.
async fn health(settings: &Settings) -> anyhow::Result<()> {
    let address = settings.address()?;
    let status = tokio::time::timeout(HEALTH_TIMEOUT, status_of_readyz(address))
        .await
        .map_err(|_| anyhow::anyhow!("{address} does not answer in time"))?
        .map_err(|error| anyhow::anyhow!("nothing answers on {address}: {error}"))?;
    anyhow::ensure!(status == "200", "the process is up and not ready");
    Ok(())
}

/// The status of one small request, without an HTTP client.
async fn status_of_readyz(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let line = String::from_utf8_lossy(&answer);
    Ok(line.split(' ').nth(1).unwrap_or_default().to_owned())
}
