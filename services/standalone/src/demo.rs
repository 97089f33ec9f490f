//! The demonstration data: fixed ids and credentials, so that the examples of
//! the documents run as they stand. Created only when asked for.

use crate::{config::Config, database::Database};

/// Creates what is missing of it.
pub(crate) async fn create(config: &Config, database: &Database) -> anyhow::Result<()> {
    let pool = database.pool("demo")?;
    tenancy_admin::demo::seed(&pool, &config.tenancy).await?;
    identity::demo::seed(&pool, &config.identity).await?;
    realtime_broadcast::demo::seed(&pool, &config.realtime).await?;
    mail_ticket::demo::seed(&pool, &config.mail).await?;
    pool.close().await;
    Ok(())
}
