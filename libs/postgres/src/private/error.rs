//! Why a private cluster does not run, in sentences for the person who started it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a private cluster could not be started or stopped. The text of each says
/// what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No PostgreSQL server programs were found.
    #[error(
        "PostgreSQL is not installed: no folder that packages use and none on the PATH holds \
         both `postgres` and `initdb`. Install it with \
         `apt-get install postgresql postgresql-contrib`, or set DATABASE_URL to a server of yours."
    )]
    NotInstalled,

    /// The folder given for the programs does not hold them.
    #[error(
        "{0} does not hold both `postgres` and `initdb`, though it is set (PG_BIN) as the folder \
         of the PostgreSQL programs. Correct it or leave it out; DATABASE_URL uses another server."
    )]
    WrongPrograms(PathBuf),

    /// A program of PostgreSQL could not be run at all.
    #[error("{program} cannot be run: {detail}")]
    Program {
        /// The path of the program.
        program: PathBuf,
        /// What the system or the program said.
        detail: String,
    },

    /// The data was written by another major version. It was not touched.
    #[error(
        "{data} was written by PostgreSQL {written_by}, but {programs} holds version {installed}. \
         The data was left as it is. Install PostgreSQL {written_by}, or move the folder away to \
         start with an empty one, or set DATABASE_URL to another server."
    )]
    OtherVersion {
        /// The data folder.
        data: PathBuf,
        /// The major version in its `PG_VERSION`.
        written_by: String,
        /// The folder of the programs found.
        programs: PathBuf,
        /// Their major version.
        installed: String,
    },

    /// The data folder holds something else. It was not touched.
    #[error(
        "{0} is not empty and holds no PostgreSQL data. It was left as it is; move it away or \
         choose another folder."
    )]
    NotACluster(PathBuf),

    /// Another launcher runs on the same folder.
    #[error(
        "{dir} is in use by {holder}. Stop that one first, or give this one a folder of its own."
    )]
    InUse {
        /// The folder both want.
        dir: PathBuf,
        /// Who has it, as far as that is known.
        holder: String,
    },

    /// Started by root, and there is no user the server could run as.
    #[error(
        "PostgreSQL refuses to run as root, and this system has neither a user `postgres` nor \
         `nobody`. Start as an ordinary user, or set DATABASE_URL to a server of yours."
    )]
    NoAccount,

    /// A shared folder has a file of ours that belongs to someone else.
    #[error("{0} belongs to another user or is no folder, so it is not safe to use. Remove it.")]
    Untrusted(PathBuf),

    /// A file or folder could not be read, written or created.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// `initdb` failed. What it had written was removed.
    #[error("a new PostgreSQL cluster could not be created in {dir}: {detail}")]
    Create {
        /// The folder of the cluster.
        dir: PathBuf,
        /// What `initdb` said.
        detail: String,
    },

    /// The server ended while it was starting.
    #[error("PostgreSQL did not start: {detail} (the whole story is in {log})")]
    Start {
        /// The server's last complaint.
        detail: String,
        /// Its log.
        log: PathBuf,
    },

    /// The server did not answer in time.
    #[error("PostgreSQL did not answer within {seconds} seconds; {log} may tell why")]
    Slow {
        /// How long it was given.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },

    /// The server survived every request to stop.
    #[error("the PostgreSQL server with process id {0} does not stop")]
    WillNotStop(i32),

    /// The server answers but the first connection fails.
    #[error("the private PostgreSQL server refuses its own launcher: {0}")]
    Refused(#[source] sqlx::Error),
}

impl Error {
    /// For `map_err`: a failed access to `path`.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
