//! The servers of a test run: there while they are needed, and gone afterwards
//! however the run ends.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};
use testing::servers::Servers;

/// More than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Prints where the servers are, then runs `$0`.
const SAY_WHERE: &str = r#"echo "$DATABASE_URL"; echo "$REDIS_URL"; "#;

#[tokio::test]
async fn both_serve_and_then_nothing_is_left() -> Result<()> {
    let servers = Servers::start().await?;
    let traces = Traces::of(&servers.postgres.url(), &servers.redis.url()).await?;
    traces.must_be_there()?;
    servers.stop().await?;
    assert!(!traces.any(), "{traces:?}");
    Ok(())
}

#[tokio::test]
async fn dropping_them_is_enough() -> Result<()> {
    let servers = Servers::start().await?;
    let traces = Traces::of(&servers.postgres.url(), &servers.redis.url()).await?;
    drop(servers);
    traces.must_vanish().await
}

#[tokio::test]
async fn several_runs_at_once_do_not_meet() -> Result<()> {
    let (one, other) = tokio::try_join!(Servers::start(), Servers::start())?;
    assert_ne!(one.postgres.url(), other.postgres.url());
    assert_ne!(one.redis.url(), other.redis.url());
    for url in [one.redis.url(), other.redis.url()] {
        assert!(!url.contains(":6379"), "{url}");
    }
    one.stop().await?;
    let traces = Traces::of(&other.postgres.url(), &other.redis.url()).await?;
    traces.must_be_there()?;
    other.stop().await
}

#[test]
fn the_exit_code_is_the_commands() -> Result<()> {
    assert_eq!(
        with_servers(&["--", "sh", "-c", "exit 7"])?.status.code(),
        Some(7)
    );
    assert_eq!(with_servers(&["true"])?.status.code(), Some(0));
    assert_eq!(
        with_servers(&["sh", "-c", "kill -KILL $$"])?.status.code(),
        Some(137)
    );
    Ok(())
}

#[test]
fn a_command_that_does_not_exist_is_named() -> Result<()> {
    let output = with_servers(&["--", "no-such-command-here"])?;
    assert_eq!(output.status.code(), Some(127));
    let text = String::from_utf8(output.stderr)?;
    assert!(
        text.contains("no-such-command-here cannot be run"),
        "{text}"
    );
    assert_eq!(with_servers(&[])?.status.code(), Some(2));
    Ok(())
}

#[tokio::test]
async fn signals_reach_the_command_and_the_servers_stop_after_it() -> Result<()> {
    for signal in [Signal::INT, Signal::TERM] {
        let script = "trap 'exit 3' INT TERM; echo ready; while :; do sleep 0.02; done";
        let (mut process, traces) = run_script(script).await?;
        send(signal, &process)?;
        assert_eq!(process.wait()?.code(), Some(3));
        assert!(!traces.any(), "{traces:?}");
    }
    Ok(())
}

#[tokio::test]
async fn even_a_kill_leaves_nothing_behind() -> Result<()> {
    // It ends when the other end of its input does.
    let (mut process, traces) = run_script("echo ready; read -r _").await?;
    traces.must_be_there()?;
    send(Signal::KILL, &process)?;
    process.wait()?;
    traces.must_vanish().await
}

/// What shows that servers exist.
#[derive(Debug)]
struct Traces {
    port: String,
    folders: [PathBuf; 2],
}

impl Traces {
    async fn of(database_url: &str, redis_url: &str) -> Result<Self> {
        let port = redis_url
            .trim_start_matches("redis://")
            .trim_end_matches('/')
            .to_owned();
        let mut connection = PgConnection::connect(database_url).await?;
        let data: String = sqlx::query_scalar("SELECT current_setting('data_directory')")
            .fetch_one(&mut connection)
            .await?;
        let sockets: String =
            sqlx::query_scalar("SELECT current_setting('unix_socket_directories')")
                .fetch_one(&mut connection)
                .await?;
        connection.close().await?;
        Ok(Self {
            port,
            folders: [data.into(), sockets.into()],
        })
    }

    fn answers(&self) -> bool {
        TcpStream::connect(&self.port).is_ok()
    }

    fn any(&self) -> bool {
        self.answers() || self.folders.iter().any(|folder| folder.exists())
    }

    fn must_be_there(&self) -> Result<()> {
        ensure!(
            self.answers() && self.folders.iter().all(|f| f.exists()),
            "gone: {self:?}"
        );
        Ok(())
    }

    async fn must_vanish(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.any() {
            ensure!(Instant::now() < deadline, "left behind: {self:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_with-servers"))
}

fn with_servers(arguments: &[&str]) -> Result<Output> {
    Ok(command().args(arguments).stdin(Stdio::null()).output()?)
}

/// Runs a shell script with servers, until it says `ready`.
async fn run_script(script: &str) -> Result<(Child, Traces)> {
    let mut process = command()
        .args(["--", "sh", "-c", &format!("{SAY_WHERE}{script}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(process.stdout.take().context("no output")?);
    let mut lines = output.lines();
    let mut line = || lines.next().context("the script ended early");
    let (database_url, redis_url) = (line()??, line()??);
    ensure!(line()?? == "ready");
    let traces = Traces::of(&database_url, &redis_url).await?;
    Ok((process, traces))
}

fn send(signal: Signal, process: &Child) -> Result<()> {
    let pid = Pid::from_raw(process.id().cast_signed()).context("no process id")?;
    Ok(kill_process(pid, signal)?)
}
