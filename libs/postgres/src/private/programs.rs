//! The programs of PostgreSQL: where they are, which version they have, and how
//! they create a cluster.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::account::Account;
use super::place::Place;
use super::{Error, NAME};

/// Where packages put each version: the folder above, how the version's own folder
/// begins, and what follows.
const PACKAGES: [(&str, &str); 4] = [
    // Debian and its descendants.
    ("/usr/lib/postgresql", ""),
    // The RPMs of postgresql.org.
    ("/usr", "pgsql-"),
    // Homebrew, on both kinds of Mac.
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

/// More than any program here ever takes, so that a hanging disk is noticed.
const PROGRAM_LIMIT: Duration = Duration::from_mins(2);

/// A folder with the server programs of one version.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    version: String,
}

impl Programs {
    /// The programs in the `configured` folder, else those installed: the `wanted`
    /// version if it is among them, else the newest.
    pub(super) async fn find(
        configured: Option<&Path>,
        wanted: Option<&str>,
        account: &Account,
    ) -> Result<Self, Error> {
        let folder = match configured {
            Some(folder) if is_complete(folder) => folder.to_owned(),
            Some(folder) => return Err(Error::WrongPrograms(folder.to_owned())),
            None => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let packaged = PACKAGES
                    .iter()
                    .flat_map(|(root, prefix)| versions(Path::new(root), prefix, wanted));
                packaged
                    .chain(std::env::split_paths(&path))
                    .find(|folder| is_complete(folder))
                    .ok_or(Error::NotInstalled)?
            }
        };
        let version = version_of(&folder.join("postgres"), account).await?;
        Ok(Self { folder, version })
    }

    /// Refuses data that another major version wrote.
    pub(super) fn must_be(&self, written_by: &str, place: &Place) -> Result<(), Error> {
        if self.version == written_by {
            return Ok(());
        }
        Err(Error::OtherVersion {
            data: place.data.clone(),
            written_by: written_by.to_owned(),
            programs: self.folder.clone(),
            installed: self.version.clone(),
        })
    }

    /// One of the programs, to be run as `account`. Whoever uses it says everything in
    /// its arguments, so that variables meant for clients of other servers change nothing.
    pub(super) fn command(&self, name: &str, account: &Account) -> Command {
        let mut command = Command::new(self.folder.join(name));
        account.apply(&mut command);
        command
    }

    /// Creates an empty cluster. It grows under another name and gets its own when
    /// it is complete, so that an interrupted creation never passes for a cluster.
    pub(super) async fn create_cluster(&self, place: &Place, durable: bool) -> Result<(), Error> {
        remove_unfinished(&place.dir);
        let growing = place.dir.join(format!("data.init.{}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        builder
            .mode(0o700)
            .create(&growing)
            .map_err(Error::file(&growing))?;
        if place.account.switched {
            chown(&growing, Some(place.account.uid), Some(place.account.gid))
                .map_err(Error::file(&growing))?;
        }
        // Sorts by code point and knows the letters of every language.
        let locale = if cfg!(target_os = "macos") {
            "en_US.UTF-8"
        } else {
            "C.UTF-8"
        };
        let mut initdb = self.command("initdb", &place.account);
        initdb.arg("-D").arg(&growing);
        initdb.args([
            "--username",
            NAME,
            "--auth-local=trust",
            "--auth-host=reject",
        ]);
        initdb.args(["--encoding=UTF8", "--locale", locale, "--data-checksums"]);
        if !durable {
            initdb.arg("--no-sync");
        }
        tracing::info!(
            "creating a PostgreSQL {} cluster in {}",
            self.version,
            place.dir.display()
        );
        let output = run(initdb).await?;
        if !output.status.success() {
            remove_unfinished(&place.dir);
            let detail = last_words(&String::from_utf8_lossy(&output.stderr));
            return Err(Error::Create {
                dir: place.dir.clone(),
                detail,
            });
        }
        let finish = || {
            fs::rename(&growing, &place.data)?;
            if durable {
                File::open(&place.dir)?.sync_all()
            } else {
                Ok(())
            }
        };
        finish().map_err(Error::file(&place.data))
    }
}

/// Removes what interrupted creations left. One that goes on though its launcher is
/// dead makes this fail, which does not matter: it has a name of its own.
fn remove_unfinished(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(b"data.init.")
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::info!("cannot remove {} yet: {error}", entry.path().display());
        }
    }
}

/// The folders of programs below a package's root, the wanted version first and
/// then from the newest to the oldest.
fn versions(root: &Path, prefix: &str, wanted: Option<&str>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let version = entry
                .file_name()
                .to_str()?
                .strip_prefix(prefix)?
                .parse()
                .ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    let wanted = wanted.and_then(|version| version.parse().ok());
    found.sort_by_key(|(version, _)| (Some(*version) == wanted, *version));
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn is_complete(folder: &Path) -> bool {
    ["postgres", "initdb"]
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// The major version of a `postgres` program.
async fn version_of(program: &Path, account: &Account) -> Result<String, Error> {
    let mut command = Command::new(program);
    account.apply(&mut command).arg("--version");
    let output = run(command).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    major(&text).ok_or_else(|| Error::Program {
        program: program.to_owned(),
        detail: format!("it calls itself {:?}", text.trim()),
    })
}

/// `15` of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(text: &str) -> Option<String> {
    let number = text.split_once("(PostgreSQL) ")?.1;
    let end = number
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(number.len());
    (end > 0).then(|| number[..end].to_owned())
}

/// Runs a program to its end, for a limited time, and not beyond the life of the
/// future that waits for it.
async fn run(mut command: Command) -> Result<Output, Error> {
    let program = PathBuf::from(command.get_program());
    command.stdin(Stdio::null());
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output();
    let failed = |detail: String| Error::Program {
        program: program.clone(),
        detail,
    };
    match tokio::time::timeout(PROGRAM_LIMIT, output).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(io::Error::from(io::ErrorKind::TimedOut).to_string())),
    }
}

/// The line that says what went wrong: the last complaint, else the last line.
pub(super) fn last_words(text: &str) -> String {
    let serious = |line: &&str| {
        ["FATAL:", "PANIC:", "error:"]
            .iter()
            .any(|w| line.contains(w))
    };
    let line = text
        .lines()
        .rfind(serious)
        .or_else(|| text.lines().rfind(|l| !l.trim().is_empty()));
    line.map_or_else(
        || "it said nothing".to_owned(),
        |line| line.trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_versions_of_releases_and_betas() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(major(debian).as_deref(), Some("15"));
        assert_eq!(
            major("postgres (PostgreSQL) 19beta2").as_deref(),
            Some("19")
        );
        assert_eq!(major("postgres (Greenplum) 7"), None);
    }

    #[test]
    fn the_newest_package_wins_unless_the_data_wants_another() {
        let root = tempfile::tempdir().unwrap();
        for version in ["pgsql-9", "pgsql-15", "pgsql-17", "pgsql-x", "other"] {
            fs::create_dir(root.path().join(version)).unwrap();
        }
        let order = |wanted| {
            let found = versions(root.path(), "pgsql-", wanted);
            let names = found
                .iter()
                .map(|folder| folder.parent().unwrap().file_name().unwrap());
            names
                .map(|name| name.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(order(None), ["pgsql-17", "pgsql-15", "pgsql-9"]);
        assert_eq!(order(Some("15")), ["pgsql-15", "pgsql-17", "pgsql-9"]);
        assert_eq!(
            versions(&root.path().join("missing"), "", None),
            Vec::<PathBuf>::new()
        );
    }

    #[test]
    fn the_complaint_is_found_among_the_chatter() {
        let log = "LOG:  starting\nFATAL:  could not create lock file\nLOG:  shut down\n\n";
        assert_eq!(last_words(log), "FATAL:  could not create lock file");
        assert_eq!(last_words("just this\n \n"), "just this");
    }
}
