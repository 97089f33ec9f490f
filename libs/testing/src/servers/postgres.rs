//! A throw-away PostgreSQL.

use anyhow::{Context as _, Result};
use postgres::private::{NAME, Options, PrivateCluster};

use super::folder;
use super::watchdog::Watchdog;

/// Every test has a database and a pool of its own on the one server.
const CONNECTIONS: u16 = 300;

/// A PostgreSQL server whose data nobody needs tomorrow.
#[derive(Debug)]
pub struct Postgres {
    cluster: PrivateCluster,
    watchdog: Watchdog,
}

impl Postgres {
    /// Starts a server with an empty database.
    pub async fn start() -> Result<Self> {
        let folder = folder()?;
        let options = Options::new(folder.path())
            .durable(false)
            .max_connections(CONNECTIONS);
        let pid_file = folder.path().join("data/postmaster.pid");
        let mut watchdog = Watchdog::start(folder, &pid_file)?;
        let cluster = PrivateCluster::start(options).await?;
        watchdog.also_remove(cluster.socket_dir()).await?;
        Ok(Self { cluster, watchdog })
    }

    /// The connection string of the empty database, by a superuser who may create others.
    pub fn url(&self) -> String {
        self.cluster.url(NAME)
    }

    /// Stops the server and removes its data.
    pub async fn stop(self) -> Result<()> {
        self.cluster
            .stop()
            .await
            .context("the PostgreSQL of the tests did not stop")?;
        self.watchdog.finish().await
    }
}
