//! Connection pools from configuration.

use std::{str::FromStr, time::Duration};

use chassis::{Stop, config::Secret};
use serde::{Deserialize, Serialize};
use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// How long a query waits for a free connection before it is UNAVAILABLE.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was idle for longer is asked whether it still stands before it is
/// used. To ask every time would double the round trips of a short query.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long between two tries to reach a server that is not up yet.
const RETRY: Duration = Duration::from_millis(500);

/// The `[database]` section.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `postgres://user:password@host/database`.
    pub url: Secret,
    /// The most connections this process opens.
    pub max_connections: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            max_connections: 10,
        }
    }
}

/// A pool that connects when it is first used. The application name shows in
/// `pg_stat_activity`.
pub fn pool(config: &Config, application: &str) -> anyhow::Result<PgPool> {
    anyhow::ensure!(
        !config.url.is_empty(),
        "database.url is empty; set ATENCION_DATABASE__URL to postgres://user:password@host/database"
    );
    let options = PgConnectOptions::from_str(config.url.expose())
        .map_err(|error| anyhow::anyhow!("database.url is not a PostgreSQL address: {error}"))?
        .application_name(application);
    Ok(PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, since| {
            Box::pin(async move {
                if since.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Waits until the server answers, saying so once. False when the process shall
/// stop before that.
pub async fn wait_for_server(pool: &PgPool, stop: &Stop) -> bool {
    let mut told = false;
    while let Err(error) = sqlx::query("SELECT 1").execute(pool).await {
        if !told {
            tracing::warn!(%error, "PostgreSQL does not answer yet, waiting");
            told = true;
        }
        if stop.within(RETRY).await {
            return false;
        }
    }
    true
}
