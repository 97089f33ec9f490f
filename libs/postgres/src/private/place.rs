//! Where a cluster lives: its folder, the folder of its socket, and what stands in
//! when the server's user cannot reach the folder asked for.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::account::Account;
use super::{Error, NAME};

/// Reachable for every user and, unlike `/tmp`, kept over a restart.
const STAND_IN: &str = "/var/tmp";
/// Sockets live here because their paths may have no more than 107 bytes, and not
/// in the user's runtime folder because that vanishes at the end of the session.
const SOCKETS: &str = "/tmp";

/// The folders of one cluster and the user they are for.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) data: PathBuf,
    pub(super) account: Account,
}

impl Place {
    /// The folder asked for, created when it is missing, if the server's user can
    /// reach it; otherwise one under [`STAND_IN`] that belongs to that path.
    pub(super) fn choose(requested: &Path) -> Result<Self, Error> {
        let (existing, dir) = resolve(requested)?;
        let data = dir.join("data");
        let account = Account::for_data(&data)?;
        if account.can_enter(&existing) {
            create_below(&existing, &dir, account)?;
            return Ok(Self { dir, data, account });
        }
        let stand_in = Path::new(STAND_IN).join(mark(&dir, 0));
        tracing::warn!(
            "user {} cannot reach {}: the database lives in {} instead",
            account.uid,
            dir.display(),
            stand_in.display()
        );
        let ours = rustix::process::geteuid().as_raw();
        own_folder(&stand_in, ours, rustix::process::getegid().as_raw(), 0o755)?;
        let data = stand_in.join("data");
        Ok(Self {
            account: Account::for_data(&data)?,
            dir: stand_in,
            data,
        })
    }

    /// The major version that wrote the data, or none while there is no data.
    pub(super) fn data_version(&self) -> Result<Option<String>, Error> {
        let path = self.data.join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => Ok(Some(version.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match fs::read_dir(&self.data).map(|mut entries| entries.next().is_none()) {
                    Ok(false) => Err(Error::NotACluster(self.data.clone())),
                    Ok(true) => Ok(None),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(Error::File {
                        path: self.data.clone(),
                        source,
                    }),
                }
            }
            Err(source) => Err(Error::File { path, source }),
        }
    }

    /// Creates the folder of the socket, which nobody but the server's user (and
    /// root) can enter: this is what protects the cluster. Its name follows from the
    /// data folder and its inode, so that data deleted under a running server and
    /// created anew never meets the old server's socket.
    pub(super) fn create_socket_dir(&self) -> Result<PathBuf, Error> {
        let inode = self.data.metadata().map_err(Error::file(&self.data))?.ino();
        let dir = Path::new(SOCKETS).join(mark(&self.data, inode));
        own_folder(&dir, self.account.uid, self.account.gid, 0o700)?;
        Ok(dir)
    }

    /// Where the server prints.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// An empty log; the one of the start before is kept beside it.
    pub(super) fn open_log(&self) -> Result<File, Error> {
        let log = self.log();
        match fs::rename(&log, log.with_extension("log.1")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::File {
                path: log,
                source: error,
            }),
            _ => self.open(&log),
        }
    }

    /// Opens one of our own files, creating it when it is missing. It belongs to
    /// whom the folder belongs, also when root was the one to create it, and a
    /// symbolic link put in its place is refused.
    pub(super) fn open(&self, path: &Path) -> Result<File, Error> {
        let open = || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(flags(OFlags::NOFOLLOW))
                .open(path)?;
            if self.account.switched {
                let folder = self.dir.metadata()?;
                fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
            }
            Ok(file)
        };
        open().map_err(Error::file(path))
    }
}

/// The nearest folder that exists on the way to `path`, and the whole path without
/// symbolic links.
fn resolve(path: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let absolute = std::path::absolute(path).map_err(Error::file(path))?;
    let existing = absolute
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("/"));
    let found = existing.canonicalize().map_err(Error::file(existing))?;
    let whole = match absolute.strip_prefix(existing) {
        Ok(rest) if rest != Path::new("") => found.join(rest),
        _ => found.clone(),
    };
    Ok((found, whole))
}

/// Creates every missing folder between `existing` and `dir`. A user we switch to
/// must be able to walk through them, whatever our umask says.
fn create_below(existing: &Path, dir: &Path, account: Account) -> Result<(), Error> {
    let mut missing: Vec<_> = dir
        .ancestors()
        .take_while(|folder| *folder != existing)
        .collect();
    missing.reverse();
    for folder in missing {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::File {
                    path: folder.to_owned(),
                    source: error,
                });
            }
            Ok(()) if account.switched => {
                fs::set_permissions(folder, Permissions::from_mode(0o755))
                    .map_err(Error::file(folder))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Creates a folder of ours where everybody may create things, or checks that the
/// one that is there is ours. What it gives away it gives away by the open folder
/// itself, so that nothing can be swapped in between.
fn own_folder(path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::File {
                path: path.to_owned(),
                source: error,
            });
        }
        _ => {}
    }
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::DIRECTORY))
        .open(path)
        .map_err(|_| Error::Untrusted(path.to_owned()))?;
    let owner = folder.metadata().map_err(Error::file(path))?.uid();
    let ours = rustix::process::geteuid().as_raw();
    if owner != uid && owner != ours {
        return Err(Error::Untrusted(path.to_owned()));
    }
    let give = || {
        if owner != uid {
            fchown(&folder, Some(uid), Some(gid))?;
        }
        folder.set_permissions(Permissions::from_mode(mode))
    };
    give().map_err(Error::file(path))
}

/// A short name that stands for a path (and a number). FNV-1a, because a name that
/// finds data again must not change with the compiler, as the hashes of the
/// standard library may; nothing secret depends on it.
fn mark(path: &Path, number: u64) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter().copied();
    let hash = bytes
        .chain(number.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{NAME}-{hash:016x}")
}

/// Open flags the way the standard library takes them.
fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_paths_always_fit() {
        let deep = PathBuf::from("/").join("very-deep/".repeat(100));
        let socket = Path::new(SOCKETS)
            .join(mark(&deep, u64::MAX))
            .join(".s.PGSQL.5432.lock");
        assert!(socket.as_os_str().len() <= 103, "{}", socket.display());
    }

    #[test]
    fn names_of_stand_ins_never_change() {
        assert_eq!(mark(Path::new("/a"), 0), mark(Path::new("/a"), 0));
        assert_ne!(mark(Path::new("/a"), 0), mark(Path::new("/b"), 0));
        assert_ne!(mark(Path::new("/a"), 0), mark(Path::new("/a"), 1));
        assert_eq!(
            mark(Path::new("/srv/atencion/.data/postgres"), 0),
            "atencion-ee2391203e5b9c28"
        );
    }

    #[test]
    fn a_link_in_a_shared_folder_is_not_followed() {
        let shared = tempfile::tempdir().unwrap();
        let link = shared.path().join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let group = rustix::process::getegid().as_raw();
        assert!(matches!(
            own_folder(&link, own, group, 0o700),
            Err(Error::Untrusted(_))
        ));
    }
}
