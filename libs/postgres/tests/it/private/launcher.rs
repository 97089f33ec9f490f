//! A launcher in a process of its own, for the tests that kill one or run one as
//! another user. It is this test program again, told by the environment what to do.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Context;
use postgres::private::NAME;

/// Names the folder to start a cluster in.
const FOLDER: &str = "ATENCION_TEST_LAUNCHER";

/// A launcher whose cluster is up. It stops when this is dropped.
pub(super) struct Launcher {
    process: Child,
    output: BufReader<ChildStdout>,
    /// The process id of its server.
    pub(super) server: i32,
    pub(super) url: String,
}

impl Launcher {
    /// Starts a launcher and waits for its cluster.
    pub(super) fn start(dir: &Path) -> anyhow::Result<Self> {
        Self::start_with(dir, |_| ())
    }

    /// The same as another user, with variables of other PostgreSQL clients around.
    pub(super) fn start_as(dir: &Path, uid: u32) -> anyhow::Result<Self> {
        Self::start_with(dir, |command| {
            command
                .uid(uid)
                .gid(uid)
                .env("PGPORT", "1")
                .env("PGSSLMODE", "verify-full");
            command
                .env("PGHOST", "192.0.2.1")
                .env("PGDATA", "/")
                .env("PGUSER", "nobody-here");
        })
    }

    fn start_with(dir: &Path, adjust: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--exact", "private::launcher::launcher", "--nocapture"]);
        command
            .env(FOLDER, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        adjust(&mut command);
        let mut process = command.spawn()?;
        let output = process.stdout.take().context("no output")?;
        let mut launcher = Self {
            process,
            output: BufReader::new(output),
            server: 0,
            url: String::new(),
        };
        launcher.wait_until_ready()?;
        Ok(launcher)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        for line in self.output.by_ref().lines() {
            let line = line?;
            if let Some((_, news)) = line.split_once("ready: ") {
                let (server, url) = news.split_once(' ').context("half the news")?;
                self.server = server.parse()?;
                url.clone_into(&mut self.url);
                return Ok(());
            }
        }
        anyhow::bail!("the launcher ended before its cluster was up")
    }

    /// Kills the launcher, and only it, as if by `kill -9`.
    pub(super) fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Lets it stop its cluster and end.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        drop(self.process.stdin.take());
        anyhow::ensure!(self.process.wait()?.success(), "the launcher failed");
        Ok(())
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// What a launcher process does; in an ordinary test run there is nothing to do.
#[tokio::test]
async fn launcher() -> anyhow::Result<()> {
    let Some(dir) = std::env::var_os(FOLDER) else {
        return Ok(());
    };
    let cluster = super::start(Path::new(&dir)).await?;
    println!("ready: {} {}", cluster.pid(), cluster.url(NAME));
    // Until whoever started us lets go.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(cluster.stop().await?)
}
