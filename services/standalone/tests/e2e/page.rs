//! The page that documents the API, in a real browser: it comes whole from here, and
//! a call can be tried on it.

use std::{path::Path, process::Command};

use crate::world::{Mode, World};

/// The names that Chromium goes by.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn browser() -> &'static str {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    BROWSERS
        .into_iter()
        .find(|name| runs(name))
        .expect("Chromium is installed: scripts/install-servers chromium")
}

fn path_of(program: &str) -> String {
    let found = Command::new("which").arg(program).output().unwrap();
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_tries_a_call_in_chromium() {
    let world = World::start(Mode::Together).await;
    let script = testing::js::install().join("page.mjs");
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs.png");
    let mut reader = tokio::process::Command::new("node");
    reader
        .arg(script)
        .arg(world.url())
        .arg(path_of(browser()))
        .arg(&picture);
    let done = reader.output().await.expect("node runs");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    assert!(std::fs::metadata(&picture).unwrap().len() > 10_000);
}
