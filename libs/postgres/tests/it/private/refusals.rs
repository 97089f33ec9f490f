//! What cannot work is refused with a sentence, and nothing is touched.

use std::fs;
use std::path::Path;

use postgres::private::{Error, NAME, Options, PrivateCluster};

use super::launcher::Launcher;
use super::{folder, must_remember, remember, start};

#[tokio::test]
async fn a_second_launcher_is_told_about_the_first() -> anyhow::Result<()> {
    let folder = folder()?;
    let first = start(folder.path()).await?;
    remember(&first.url(NAME)).await?;
    let error = start(folder.path())
        .await
        .expect_err("two launchers on one folder");
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    assert!(
        text.contains(&folder.path().display().to_string()),
        "{text}"
    );

    let other_process = Launcher::start(folder.path());
    assert!(other_process.is_err());
    must_remember(&first).await?;
    first.stop().await?;
    Ok(())
}

#[tokio::test]
async fn data_of_another_version_is_left_alone() -> anyhow::Result<()> {
    let folder = folder()?;
    start(folder.path()).await?.stop().await?;
    let version = folder.path().join("data/PG_VERSION");
    fs::write(&version, "9\n")?;
    let before = listing(&folder.path().join("data"))?;

    let error = start(folder.path())
        .await
        .expect_err("started on foreign data");
    assert!(matches!(error, Error::OtherVersion { .. }), "{error}");
    let text = error.to_string();
    for part in ["PostgreSQL 9", "DATABASE_URL", "left as it is"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(listing(&folder.path().join("data"))?, before);
    assert_eq!(fs::read_to_string(&version)?, "9\n");
    Ok(())
}

#[tokio::test]
async fn a_folder_with_something_else_in_it_is_left_alone() -> anyhow::Result<()> {
    let folder = folder()?;
    fs::create_dir(folder.path().join("data"))?;
    fs::write(folder.path().join("data/novel.txt"), "Chapter 1")?;
    let error = start(folder.path()).await.expect_err("started on a novel");
    assert!(matches!(error, Error::NotACluster(_)), "{error}");
    assert_eq!(listing(&folder.path().join("data"))?, ["novel.txt"]);
    Ok(())
}

#[tokio::test]
async fn missing_programs_are_named_with_a_way_out() -> anyhow::Result<()> {
    let folder = folder()?;
    let nowhere = folder.path().join("nowhere");
    let options = Options::new(folder.path()).programs(Some(nowhere.clone()));
    let error = PrivateCluster::start(options)
        .await
        .expect_err("started without programs");
    let text = error.to_string();
    for part in [
        nowhere.to_str().unwrap_or_default(),
        "PG_BIN",
        "DATABASE_URL",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = Error::NotInstalled.to_string();
    for part in [
        "apt-get install postgresql postgresql-contrib",
        "DATABASE_URL",
    ] {
        assert!(text.contains(part), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() -> anyhow::Result<()> {
    let folder = folder()?;
    start(folder.path()).await?.stop().await?;
    fs::write(
        folder.path().join("data/postgresql.conf"),
        "shared_buffers = banana\n",
    )?;
    let error = start(folder.path()).await.expect_err("started on bananas");
    assert!(matches!(error, Error::Start { .. }), "{error}");
    assert!(error.to_string().contains("postgresql.conf"), "{error}");
    assert!(error.to_string().contains("server.log"), "{error}");
    Ok(())
}

fn listing(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
