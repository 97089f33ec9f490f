//! A private PostgreSQL cluster, run as a child process: the database of a
//! machine where nobody has set one up.
//!
//! [`PrivateCluster::start`] takes a folder and answers with a running server
//! that only this user can reach: it listens on a Unix socket in a folder of
//! mode 0700 and on nothing else. Inside the given folder lie
//!
//! - `data`, an ordinary PostgreSQL data folder,
//! - `server.log`, what the server prints since it was last started
//!   (`server.log.1` is the start before that),
//! - `launcher.lock`, held while a launcher runs, released by the kernel however
//!   the launcher ends.
//!
//! A launcher that is killed leaves its server behind. The next start finds that
//! server, goes on using it, and stops it at its own end.

mod account;
mod error;
mod lock;
mod place;
mod postmaster;
mod programs;
mod server;

use std::path::{Path, PathBuf};

pub use error::Error;
use lock::Lock;
use place::Place;
use programs::Programs;
use server::Server;

/// The database superuser of a private cluster, and the name of its first database.
pub const NAME: &str = "atencion";

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct Options {
    dir: PathBuf,
    programs: Option<PathBuf>,
    durable: bool,
    max_connections: u16,
}

impl Options {
    /// A durable cluster of up to 100 connections inside `dir`, which is created
    /// when it is missing, parents included.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            programs: None,
            durable: true,
            max_connections: 100,
        }
    }

    /// The folder that holds `postgres` and `initdb`. Without it they are looked
    /// for where packages put them, newest version first (but the version that
    /// wrote the data before all others), and then on the `PATH`.
    #[must_use]
    pub fn programs(mut self, folder: Option<PathBuf>) -> Self {
        self.programs = folder;
        self
    }

    /// Whether committed data must survive a power failure (the default). Without,
    /// it still survives the death of any process that is not PostgreSQL's own,
    /// and everything is faster: right for tests.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// How many connections the server accepts at once.
    #[must_use]
    pub fn max_connections(mut self, max: u16) -> Self {
        self.max_connections = max;
        self
    }
}

/// A running private server. [`stop`](Self::stop) it; one that is merely dropped
/// is told to stop, and nobody waits until it has.
#[derive(Debug)]
pub struct PrivateCluster {
    server: Server,
    place: Place,
    // After the server: the folder is free only once the server was told to stop.
    _lock: Lock,
}

impl PrivateCluster {
    /// Starts the cluster of a folder: creates it when there is none, takes over
    /// the server that a killed launcher left, and returns once the database
    /// [`NAME`] answers. The first start takes below a second, a later one below
    /// a tenth of that; recovery after a crash may take longer, two minutes at most.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let place = Place::choose(&options.dir)?;
        let lock = Lock::take(&place)?;
        let written_by = place.data_version()?;
        let programs = Programs::find(
            options.programs.as_deref(),
            written_by.as_deref(),
            &place.account,
        )
        .await?;
        match written_by {
            Some(version) => programs.must_be(&version, &place)?,
            None => programs.create_cluster(&place, options.durable).await?,
        }
        let server = Server::run(&programs, &place, &options).await?;
        Ok(Self {
            server,
            place,
            _lock: lock,
        })
    }

    /// The connection string of a database of this cluster, for sqlx and for
    /// everything built on libpq. It names a superuser and holds no password:
    /// what protects the cluster is the mode of its socket's folder.
    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// Where the cluster lives: the folder asked for, or the one under `/var/tmp`
    /// that stands in when the server's user cannot reach that.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// The folder of the server's socket, for this user alone. It goes with the server.
    pub fn socket_dir(&self) -> &Path {
        self.server.socket_dir()
    }

    /// The process id of the server.
    pub fn pid(&self) -> i32 {
        self.server.pid()
    }

    /// Stops the server: rolls back what is open, writes everything to disk, and
    /// returns when the process is gone. If that takes too long the server is made
    /// to leave at once, which loses nothing either but makes the next start longer.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.server.stop().await
    }
}
