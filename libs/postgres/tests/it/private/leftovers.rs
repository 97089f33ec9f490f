//! What killed processes leave behind never keeps the next start from working.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use postgres::private::{NAME, Options, PrivateCluster};
use rustix::process::{Pid, Signal, kill_process};

use super::launcher::Launcher;
use super::{folder, must_end, must_remember, remember, runs, start};

#[tokio::test]
async fn the_server_of_a_killed_launcher_is_taken_over_and_stopped() -> anyhow::Result<()> {
    let folder = folder()?;
    let launcher = Launcher::start(folder.path())?;
    let server = launcher.server;
    remember(&launcher.url).await?;
    launcher.kill()?;
    assert!(runs(server), "killing the launcher took the server along");

    let cluster = start(folder.path()).await?;
    assert_eq!(cluster.pid(), server);
    must_remember(&cluster).await?;
    cluster.stop().await?;
    assert!(!runs(server));
    Ok(())
}

#[tokio::test]
async fn a_server_on_its_way_out_is_waited_for() -> anyhow::Result<()> {
    let folder = folder()?;
    let launcher = Launcher::start(folder.path())?;
    let server = launcher.server;
    remember(&launcher.url).await?;
    launcher.kill()?;
    signal(server, Signal::INT)?;

    let cluster = start(folder.path()).await?;
    assert_ne!(cluster.pid(), server);
    must_remember(&cluster).await?;
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_killed_server_recovers() -> anyhow::Result<()> {
    let folder = folder()?;
    let first = PrivateCluster::start(Options::new(folder.path())).await?;
    remember(&first.url(NAME)).await?;
    // Kept as our child, it stays a zombie until it is reaped.
    signal(first.pid(), Signal::KILL)?;
    must_end(first.pid()).await?;
    drop(first);

    let second = PrivateCluster::start(Options::new(folder.path())).await?;
    must_remember(&second).await?;
    second.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_whose_socket_was_cleaned_away_is_replaced() -> anyhow::Result<()> {
    let folder = folder()?;
    let launcher = Launcher::start(folder.path())?;
    let server = launcher.server;
    remember(&launcher.url).await?;
    fs::remove_dir_all(super::socket_dir(&launcher.url)?)?;
    launcher.kill()?;

    let cluster = start(folder.path()).await?;
    assert!(!runs(server));
    must_remember(&cluster).await?;
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_stale_process_id_that_now_belongs_to_another_program() -> anyhow::Result<()> {
    let folder = folder()?;
    start(folder.path()).await?.stop().await?;
    let mut stranger = spawn_as_owner(folder.path(), Command::new("sleep").arg("600"))?;
    claim_to_serve(folder.path(), stranger.id())?;

    let cluster = start(folder.path()).await;
    let unharmed = stranger.try_wait()?.is_none();
    stranger.kill()?;
    stranger.wait()?;
    assert!(unharmed);
    cluster?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_zombie_counts_as_dead() -> anyhow::Result<()> {
    let folder = folder()?;
    start(folder.path()).await?.stop().await?;
    let mut zombie = spawn_as_owner(folder.path(), &mut Command::new("true"))?;
    must_end(zombie.id().cast_signed()).await?;
    claim_to_serve(folder.path(), zombie.id())?;

    let cluster = start(folder.path()).await;
    zombie.wait()?;
    cluster?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn an_interrupted_creation_is_started_over() -> anyhow::Result<()> {
    let folder = folder()?;
    let half = folder.path().join("data.init.1");
    fs::create_dir(&half)?;
    fs::write(half.join("PG_VERSION"), "15\n")?;
    let cluster = start(folder.path()).await?;
    assert!(!half.exists());
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn data_deleted_under_a_running_server_is_created_anew() -> anyhow::Result<()> {
    let folder = folder()?;
    let dir = folder.path().join("postgres");
    let launcher = Launcher::start(&dir)?;
    fs::remove_dir_all(&dir)?;
    let cluster = start(&dir).await?;
    assert_ne!(cluster.pid(), launcher.server);
    // The old server leaves, and takes nothing of the new one along.
    signal(launcher.server, Signal::QUIT)?;
    must_end(launcher.server).await?;
    remember(&cluster.url(NAME)).await?;
    must_remember(&cluster).await?;
    cluster.stop().await?;
    Ok(())
}

fn signal(pid: i32, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(pid).ok_or_else(|| anyhow::anyhow!("no process id"))?;
    Ok(kill_process(pid, signal)?)
}

/// Runs a program as the user who owns the data: PostgreSQL looks no further when a
/// number belongs to anybody else.
fn spawn_as_owner(dir: &Path, command: &mut Command) -> anyhow::Result<Child> {
    let owner = fs::metadata(dir.join("data"))?;
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    Ok(command.current_dir("/").stdout(Stdio::null()).spawn()?)
}

/// Writes the lock file that a server with this process id would have.
fn claim_to_serve(dir: &Path, pid: u32) -> anyhow::Result<()> {
    let data = dir.join("data");
    let text = format!("{pid}\n{}\n1700000000\n5432\n/tmp\n\n", data.display());
    Ok(fs::write(data.join("postmaster.pid"), text)?)
}
