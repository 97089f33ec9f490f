//! Folders that PostgreSQL by itself could not live in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use postgres::private::NAME;

use super::{folder, must_remember, remember, start};

#[tokio::test]
async fn a_path_longer_than_any_socket_may_have() -> anyhow::Result<()> {
    let folder = folder()?;
    let dir = folder.path().join("a-folder-with-a-long-name/".repeat(8));
    let cluster = start(&dir).await?;
    assert_eq!(cluster.dir(), dir);
    remember(&cluster.url(NAME)).await?;
    must_remember(&cluster).await?;
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn the_same_folder_by_another_name_is_the_same_folder() -> anyhow::Result<()> {
    let folder = folder()?;
    let real = folder.path().join("real");
    fs::create_dir(&real)?;
    std::os::unix::fs::symlink(&real, folder.path().join("link"))?;
    let cluster = start(&real.join("postgres")).await?;
    assert!(start(&folder.path().join("link/postgres")).await.is_err());
    cluster.stop().await?;
    Ok(())
}

/// Only root has servers that cannot go where it can.
#[tokio::test]
async fn root_keeps_data_elsewhere_when_the_server_cannot_reach_the_folder() -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let folder = folder()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700))?;
    let dir = folder.path().join("project/postgres");
    let first = start(&dir).await?;
    let stand_in = first.dir().to_owned();
    let clean_up = || fs::remove_dir_all(&stand_in);
    assert!(stand_in.starts_with("/var/tmp"), "{}", stand_in.display());
    assert!(!dir.exists());
    remember(&first.url(NAME)).await?;
    first.stop().await?;

    let second = start(&dir).await?;
    assert_eq!(second.dir(), stand_in);
    must_remember(&second).await?;
    second.stop().await?;
    Ok(clean_up()?)
}
