//! The ordinary life of a cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use postgres::private::{NAME, Options, PrivateCluster};
use sqlx::Connection;

use super::launcher::Launcher;
use super::{connect, folder, must_end, must_remember, remember, runs, show, start};

#[tokio::test]
async fn data_is_there_after_a_restart() -> anyhow::Result<()> {
    let folder = folder()?;
    let dir = folder.path().join("deeper/postgres");
    let first = start(&dir).await?;
    remember(&first.url(NAME)).await?;
    let pid = first.pid();
    first.stop().await?;
    assert!(!runs(pid));

    let second = start(&dir).await?;
    assert_ne!(second.pid(), pid);
    must_remember(&second).await?;
    second.stop().await?;
    Ok(())
}

#[tokio::test]
async fn only_its_user_can_reach_it() -> anyhow::Result<()> {
    let folder = folder()?;
    let cluster = start(folder.path()).await?;
    assert_eq!(show(&cluster, "listen_addresses").await?, "");
    let sockets = cluster.socket_dir().to_owned();
    assert_eq!(fs::metadata(&sockets)?.permissions().mode() & 0o777, 0o700);
    cluster.stop().await?;
    assert!(
        !fs::exists(&sockets)?,
        "the folder of the socket is left behind"
    );
    Ok(())
}

#[tokio::test]
async fn a_power_failure_loses_nothing_unless_that_was_asked_for() -> anyhow::Result<()> {
    let folder = folder()?;
    let cluster = PrivateCluster::start(Options::new(folder.path())).await?;
    for setting in [
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "data_checksums",
    ] {
        assert_eq!(show(&cluster, setting).await?, "on", "{setting}");
    }
    cluster.stop().await?;

    let cluster = start(folder.path()).await?;
    assert_eq!(show(&cluster, "fsync").await?, "off");
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn it_takes_as_many_connections_as_it_was_told() -> anyhow::Result<()> {
    let folder = folder()?;
    let options = Options::new(folder.path())
        .durable(false)
        .max_connections(300);
    let cluster = PrivateCluster::start(options).await?;
    assert_eq!(show(&cluster, "max_connections").await?, "300");
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn databases_with_odd_names_have_a_connection_string_too() -> anyhow::Result<()> {
    let folder = folder()?;
    let cluster = start(folder.path()).await?;
    let mut connection = connect(&cluster.url(NAME)).await?;
    sqlx::raw_sql(r#"CREATE DATABASE "50% ñ/&?""#)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    let mut connection = connect(&cluster.url("50% ñ/&?")).await?;
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut connection)
        .await?;
    assert_eq!(name, "50% ñ/&?");
    connection.close().await?;
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn dropping_it_stops_the_server_too() -> anyhow::Result<()> {
    let folder = folder()?;
    let cluster = start(folder.path()).await?;
    let (pid, sockets) = (cluster.pid(), cluster.socket_dir().to_owned());
    drop(cluster);
    // As a child it remains a zombie, which is as good as gone.
    must_end(pid).await?;
    Ok(fs::remove_dir(sockets)?)
}

#[tokio::test]
async fn an_ordinary_user_can_start_it_whatever_the_environment_says() -> anyhow::Result<()> {
    let own = rustix::process::geteuid();
    let uid = if own.is_root() { 65534 } else { own.as_raw() };
    let folder = folder()?;
    if own.is_root() {
        std::os::unix::fs::chown(folder.path(), Some(uid), Some(uid))?;
    }
    let first = Launcher::start_as(folder.path(), uid)?;
    remember(&first.url).await?;
    first.stop()?;
    // Root may look after it once without taking it away from its owner.
    let second = start(folder.path()).await?;
    must_remember(&second).await?;
    second.stop().await?;
    Launcher::start_as(folder.path(), uid)?.stop()
}
