//! A PostgreSQL and a Redis that live as long as a test run and belong to nobody
//! else: never what happens to listen on a standard port.
//!
//! They end with [`Servers::stop`], and by themselves when that is never called:
//! when the value is dropped, and when the process that started them is killed.

mod postgres;
mod redis;
mod watchdog;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

pub use self::postgres::Postgres;
pub use self::redis::Redis;

/// One throw-away server of each kind.
#[derive(Debug)]
pub struct Servers {
    /// The database server.
    pub postgres: Postgres,
    /// The message broker.
    pub redis: Redis,
}

impl Servers {
    /// Starts both, at the same time.
    pub async fn start() -> Result<Self> {
        let (postgres, redis) = tokio::try_join!(Postgres::start(), Redis::start())?;
        Ok(Self { postgres, redis })
    }

    /// Stops both and returns when nothing is left of them.
    pub async fn stop(self) -> Result<()> {
        let (postgres, redis) = tokio::join!(self.postgres.stop(), self.redis.stop());
        postgres.and(redis)
    }
}

/// A folder for a server. Other users can enter it, because PostgreSQL runs as one
/// when root runs the tests; what is secret in it has modes of its own.
fn folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("atencion-test-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in("/tmp")
        .context("a folder for a server could not be created in /tmp")
}
