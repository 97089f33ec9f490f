//! The bots of Synology Chat that may call us.

mod store;

use aws_lc_rs::digest::{SHA256, digest};
use chassis::config::Secret;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::error::Error;

/// Adds a bot, unless its token is known.
pub async fn add_missing(
    db: &mut PgConnection,
    now: OffsetDateTime,
    name: &str,
    token: &Secret,
) -> Result<(), Error> {
    let token = digest(&SHA256, token.expose().as_bytes());
    store::insert(db, now, name, token.as_ref()).await?;
    Ok(())
}
