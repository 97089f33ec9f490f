//! Private clusters: started, restarted, taken over, refused.

mod launcher;
mod leftovers;
mod places;
mod refusals;
mod starting;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use postgres::private::{NAME, Options, PrivateCluster};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// More than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder that every user can enter, as the server's user must when root runs
/// the tests.
fn folder() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new()
        .prefix("atencion-test-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in("/tmp")?)
}

/// Starts the cluster of a folder the way tests want it.
async fn start(dir: &Path) -> Result<PrivateCluster, postgres::private::Error> {
    PrivateCluster::start(Options::new(dir).durable(false)).await
}

/// Connects to the first database of a cluster.
async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(url).await?)
}

/// Writes something that [`must_remember`] finds again.
async fn remember(url: &str) -> anyhow::Result<()> {
    let mut connection = connect(url).await?;
    sqlx::raw_sql("CREATE TABLE memory AS SELECT 'it was here' AS what")
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}

async fn must_remember(cluster: &PrivateCluster) -> anyhow::Result<()> {
    let mut connection = connect(&cluster.url(NAME)).await?;
    let what: String = sqlx::query_scalar("SELECT what FROM memory")
        .fetch_one(&mut connection)
        .await?;
    ensure!(what == "it was here");
    Ok(connection.close().await?)
}

/// Runs `SHOW` for a setting.
async fn show(cluster: &PrivateCluster, setting: &'static str) -> anyhow::Result<String> {
    let mut connection = connect(&cluster.url(NAME)).await?;
    let value = sqlx::query_scalar("SELECT current_setting($1)")
        .bind(setting)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(value)
}

/// Whether a process runs; a zombie does not.
fn runs(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .starts_with('Z')
    })
}

/// Waits until a process is gone.
async fn must_end(pid: i32) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while runs(pid) {
        ensure!(Instant::now() < deadline, "process {pid} still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// The folder of the socket in a connection string.
fn socket_dir(url: &str) -> anyhow::Result<String> {
    let host = url
        .split("host=")
        .nth(1)
        .and_then(|rest| rest.split('&').next());
    Ok(host.context("no host")?.replace("%2F", "/"))
}
