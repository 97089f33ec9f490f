//! Ends a server when the process that started it is gone, however it went.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Reads until the other end of the pipe is closed, which the kernel does when its
/// holder dies. Then ends the server whose process id the file `$1` holds (and, if
/// it is PostgreSQL's, the folder of its socket) and removes the folder `$2`.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
if pid=$(sed -n 1p "$1" 2>/dev/null) && [ -n "$pid" ]; then
    sockets=$(sed -n 5p "$1")
    kill -QUIT "$pid"
    # Until nothing writes to the folder any more; a zombie counts as alive here.
    patience=20
    while [ $patience -gt 0 ] && kill -0 "$pid"; do
        sleep 0.1
        patience=$((patience - 1))
    done
    kill -KILL "$pid"
    [ -z "$sockets" ] || rm -rf "$sockets"
fi
rm -rf "$2"
"#;

/// More than the script ever takes.
const LIMIT: Duration = Duration::from_secs(20);

/// A process that waits for this one to end. Dropping it counts as that.
#[derive(Debug)]
pub(super) struct Watchdog(Child);

impl Watchdog {
    /// Watches over the server that will write `pid_file`, and over its folder.
    pub(super) fn start(folder: TempDir, pid_file: &Path) -> Result<Self> {
        let process = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(pid_file)
            .arg(folder.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("the watchdog of a server cannot be run")?;
        // From here on it is the one to remove the folder.
        let _ = folder.keep();
        Ok(Self(process))
    }

    /// Lets it remove the folder of a server that was stopped.
    pub(super) async fn finish(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        let status = timeout(LIMIT, self.0.wait())
            .await
            .context("the watchdog of a server does not end")??;
        ensure!(
            status.success(),
            "the folder of a server could not be removed"
        );
        Ok(())
    }
}
