//! The database: the configured one, or a private cluster beside the data.

use chassis::config::Secret;
use postgres::private::{self, PrivateCluster};
use sqlx::PgPool;

use crate::config::Config;

/// Connections of one service; six services share the server.
const CONNECTIONS_PER_SERVICE: u32 = 8;

/// A database that answers.
pub(crate) struct Database {
    url: Secret,
    max_connections: u32,
    private: Option<PrivateCluster>,
}

impl Database {
    /// Takes the configured server, or starts the private one.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let configured = &config.settings.database;
        if !configured.url.is_empty() {
            return Ok(Self {
                url: configured.url.clone(),
                max_connections: configured.max_connections.min(CONNECTIONS_PER_SERVICE),
                private: None,
            });
        }
        let folder = config.standalone.data_dir.join("postgres");
        let programs = &config.standalone.postgres_bin;
        let programs = (!programs.as_os_str().is_empty()).then(|| programs.clone());
        let cluster =
            PrivateCluster::start(private::Options::new(folder).programs(programs)).await?;
        Ok(Self {
            url: Secret::new(cluster.url(private::NAME)),
            max_connections: CONNECTIONS_PER_SERVICE,
            private: Some(cluster),
        })
    }

    /// Connections for one service.
    pub(crate) fn pool(&self, service: &str) -> anyhow::Result<PgPool> {
        let config = postgres::Config {
            url: self.url.clone(),
            max_connections: self.max_connections,
        };
        postgres::pool::pool(&config, service)
    }

    /// Brings every schema up to date.
    pub(crate) async fn migrate(&self) -> anyhow::Result<()> {
        let pool = self.pool("migrate")?;
        for (schema, migrator) in [
            ("identity", &identity::MIGRATOR),
            ("tenancy", &tenancy_admin::MIGRATOR),
            ("conversation", &conversation::MIGRATOR),
            ("channel", &channel_connector::MIGRATOR),
            ("realtime", &realtime_broadcast::MIGRATOR),
            ("mail", &mail_ticket::MIGRATOR),
        ] {
            postgres::migrate::apply(&pool, schema, migrator).await?;
        }
        pool.close().await;
        Ok(())
    }

    /// Stops the private server, if there is one.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if let Some(cluster) = self.private {
            cluster.stop().await?;
        }
        Ok(())
    }
}
