//! The realtime part of the demo data.

use auth::CompanyId;
use sqlx::PgPool;

use crate::{Config, apps::Apps, sealer};

const COMPANY: CompanyId = CompanyId(3);
const KEY: &str = "atencion";

/// Published with the demo, so it guards nothing but the demo.
const SECRET: &str = "atencion-demo-secret";

/// Gives the demo company the app that the documents' examples name. Whatever
/// key the app got when the company appeared is replaced.
pub async fn seed(pool: &PgPool, config: &Config) -> anyhow::Result<()> {
    Apps::new(pool.clone(), sealer(config)?)
        .fix(COMPANY, KEY, SECRET)
        .await
}
