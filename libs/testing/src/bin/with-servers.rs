//! Runs a command with a PostgreSQL and a Redis of its own: `with-servers -- cargo
//! nextest run`. The command finds them in `DATABASE_URL` and `REDIS_URL`; when it
//! ends, they end too. Exits as the command did.

use std::ffi::OsString;
use std::fs::File;
use std::future::{pending, poll_fn};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use testing::servers::Servers;
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::{Instant, sleep_until};

/// What a command may take to end once it was told to.
const GRACE: Duration = Duration::from_secs(30);
/// What shells answer when a command does not exist, and when it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Run a command with a throw-away PostgreSQL and Redis.
#[derive(Debug, Parser)]
struct Arguments {
    /// The command, which finds the servers in DATABASE_URL and REDIS_URL
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("with-servers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &[OsString]) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let servers = tokio::select! {
        started = Servers::start() => started?,
        // What was started by then ends by itself.
        signal = signals.next() => return Ok(killed_by(signal.as_raw())),
    };
    let code = run_with(&servers, command, &mut signals).await;
    if let Err(error) = servers.stop().await {
        eprintln!("with-servers: {error:#}");
    }
    code
}

/// Runs the command to its end. Signals are passed on; a command that does not obey
/// within [`GRACE`] is killed.
async fn run_with(
    servers: &Servers,
    command: &[OsString],
    signals: &mut Signals,
) -> Result<ExitCode> {
    let (program, arguments) = command.split_first().context("no command")?;
    let spawned = Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", servers.postgres.url())
        .env("REDIS_URL", servers.redis.url())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            eprintln!("with-servers: {} cannot be run: {error}", program.display());
            let missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(ExitCode::from(if missing {
                NOT_FOUND
            } else {
                NOT_RUNNABLE
            }));
        }
    };
    let mut deadline: Option<Instant> = None;
    loop {
        let patience_ends = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            status = child.wait() => return Ok(code_of(status?)),
            signal = signals.next() => {
                if deadline.is_some() || !sent_to_all_by_terminal(signal) {
                    pass_on(signal, &child);
                }
                deadline.get_or_insert_with(|| Instant::now() + GRACE);
            }
            () = patience_ends => {
                eprintln!("with-servers: the command does not end and is killed");
                child.start_kill()?;
                deadline = Some(Instant::now() + GRACE);
            }
        }
    }
}

/// Whether the command got this signal too: a key typed at a terminal reaches
/// everything in its foreground, and many programs give up at once at the second one.
fn sent_to_all_by_terminal(signal: Signal) -> bool {
    let foreground = || tcgetpgrp(File::open("/dev/tty").ok()?).ok();
    [Signal::INT, Signal::QUIT].contains(&signal) && foreground() == Some(getpgrp())
}

fn pass_on(signal: Signal, child: &Child) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
        && let Err(error) = kill_process(pid, signal)
    {
        eprintln!("with-servers: cannot signal the command: {error}");
    }
}

fn code_of(status: ExitStatus) -> ExitCode {
    match status.code().map(u8::try_from) {
        Some(Ok(code)) => ExitCode::from(code),
        _ => killed_by(status.signal().unwrap_or_default()),
    }
}

/// What shells answer for a command that a signal ended.
fn killed_by(signal: i32) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}

/// The signals that ask to end.
struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    fn listen() -> io::Result<Self> {
        let kinds = [
            (Signal::INT, SignalKind::interrupt()),
            (Signal::TERM, SignalKind::terminate()),
            (Signal::HUP, SignalKind::hangup()),
            (Signal::QUIT, SignalKind::quit()),
        ];
        let listen = |(signal, kind)| Ok((signal, unix::signal(kind)?));
        kinds
            .into_iter()
            .map(listen)
            .collect::<io::Result<_>>()
            .map(Self)
    }

    async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let mut arrived = self.0.iter_mut().filter_map(|(signal, stream)| {
                stream.poll_recv(context).is_ready().then_some(*signal)
            });
            arrived.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
