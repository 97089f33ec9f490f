//! Ends a server when the process that started it is gone, however it went.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Reads folders, one a line, until the other end of the pipe is closed, which the
/// kernel does when its holder dies. Then ends the server whose process id the file
/// `$1` holds, and removes those folders and `$2`.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
pid_file=$1
shift
while read -r folder; do
    set -- "$@" "$folder"
done
if pid=$(sed -n 1p "$pid_file") && [ -n "$pid" ]; then
    kill -QUIT "$pid"
    # Until nothing writes to the folder any more; a zombie counts as alive here.
    patience=20
    while [ $patience -gt 0 ] && kill -0 "$pid"; do
        sleep 0.1
        patience=$((patience - 1))
    done
    kill -KILL "$pid"
fi
rm -rf -- "$@"
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

    /// Has it remove another folder too, in the end.
    pub(super) async fn also_remove(&mut self, folder: &Path) -> Result<()> {
        let pipe = self
            .0
            .stdin
            .as_mut()
            .context("the watchdog listens no more")?;
        pipe.write_all(folder.as_os_str().as_encoded_bytes())
            .await?;
        Ok(pipe.write_all(b"\n").await?)
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
