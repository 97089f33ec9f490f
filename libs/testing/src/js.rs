//! The real client libraries in JavaScript, for tests that speak to our sockets
//! with them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// The folder with the installed libraries and the scripts that use them. The
/// first caller installs them, from the lock file; others wait for that.
///
/// # Panics
/// When they cannot be installed: the text says why.
pub fn install() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    if let Err(error) = install_in(&folder) {
        panic!("the JavaScript libraries cannot be installed: {error:#}");
    }
    folder
}

fn install_in(folder: &Path) -> Result<()> {
    let wanted_path = folder.join("package-lock.json");
    let installed_path = folder.join("node_modules/.installed-lock.json");
    let wanted = fs::read(&wanted_path).context("package-lock.json")?;
    // Held until the end of the function, against other test processes.
    let lock = File::open(&wanted_path)?;
    lock.lock()?;
    if fs::read(&installed_path).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let output = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(folder)
        .output()
        .context("npm cannot be started; tests of the client libraries need Node.js 20")?;
    anyhow::ensure!(
        output.status.success(),
        "npm ci: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(fs::write(installed_path, wanted)?)
}
