//! A throw-away Redis.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::folder;
use super::watchdog::Watchdog;

/// How long a start or a stop may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at something that is about to happen.
const PAUSE: Duration = Duration::from_millis(5);
/// Somebody else may take a free port before the server does; not so often.
const ATTEMPTS: u32 = 5;

/// A Redis server that keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    server: Child,
    port: u16,
    watchdog: Watchdog,
}

impl Redis {
    /// Starts an empty server on a free port of the loopback address.
    pub async fn start() -> Result<Self> {
        let folder = folder()?;
        let dir = folder.path().to_owned();
        let watchdog = Watchdog::start(folder, &dir.join("redis.pid"))?;
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let mut server = launch(&dir, port)?;
            if is_ready(&mut server, &dir.join("redis.sock")).await? {
                return Ok(Self {
                    server,
                    port,
                    watchdog,
                });
            }
        }
        let log = std::fs::read_to_string(dir.join("redis.log")).unwrap_or_default();
        bail!("redis-server ended {ATTEMPTS} times while starting; the last time it said:\n{log}")
    }

    /// Where it listens, as clients want it written.
    pub fn url(&self) -> String {
        format!("redis://{}:{}/", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Stops the server and removes its folder.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self
            .server
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
        {
            kill_process(pid, Signal::TERM).context("redis-server cannot be told to stop")?;
        }
        if timeout(LIMIT, self.server.wait()).await.is_err() {
            self.server
                .kill()
                .await
                .context("redis-server does not stop")?;
        }
        self.watchdog.finish().await
    }
}

/// A port that was free a moment ago. The kernel picks it from those that no known
/// service uses.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn launch(dir: &Path, port: u16) -> Result<Child> {
    let path = |name: &str| -> PathBuf { dir.join(name) };
    Command::new("redis-server")
        .args([
            "--bind",
            &Ipv4Addr::LOCALHOST.to_string(),
            "--port",
            &port.to_string(),
        ])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .arg("--unixsocket")
        .arg(path("redis.sock"))
        .args(["--unixsocketperm", "700"])
        .arg("--dir")
        .arg(dir)
        .arg("--pidfile")
        .arg(path("redis.pid"))
        .arg("--logfile")
        .arg(path("redis.log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // An interrupt typed at the terminal is for the tests, which still need it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("redis-server cannot be run; `scripts/install-servers redis` installs it")
}

/// Waits until the server answers, or says that it ended. It is asked through its
/// socket, where no other server can be; by then it has its port too.
async fn is_ready(server: &mut Child, socket: &Path) -> Result<bool> {
    let deadline = Instant::now() + LIMIT;
    while server.try_wait()?.is_none() {
        if timeout(LIMIT, ping(socket))
            .await
            .is_ok_and(|answer| answer.is_ok())
        {
            return Ok(true);
        }
        ensure!(Instant::now() < deadline, "redis-server does not answer");
        sleep(PAUSE).await;
    }
    Ok(false)
}

async fn ping(socket: &Path) -> Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    ensure!(&answer == b"+PONG\r\n", "no pong");
    Ok(())
}
