//! Migrations: embedded in each service, applied by `migrate` and by `serve`.

use sqlx::{PgPool, migrate::Migrator};

/// Applies what is missing. Replicas that start together wait for one another on
/// a lock of the database. A migration that was altered or removed after it was
/// applied is an error.
pub async fn apply(pool: &PgPool, schema: &str, migrator: &Migrator) -> anyhow::Result<()> {
    migrator
        .run(pool)
        .await
        .map_err(|error| anyhow::anyhow!("the migrations of schema {schema} failed: {error}"))
}
