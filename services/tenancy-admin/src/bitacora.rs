//! The access log ("bitácora"): its ids are leased to replicas of the edge in
//! blocks, so that a request gets one without asking anybody.

mod rpc;
mod store;

use sqlx::PgPool;

use crate::error::Error;

/// The ids of a block; the step of the sequence.
const BLOCK: u32 = 4096;

/// Keeps the access log.
pub struct Bitacora {
    pub pool: PgPool,
}

impl Bitacora {
    /// Leases a block; answers its first id. No id is ever leased twice, and one
    /// that is not used is lost.
    async fn allocate(&self) -> Result<i64, Error> {
        Ok(store::next_block(&self.pool).await?)
    }
}
