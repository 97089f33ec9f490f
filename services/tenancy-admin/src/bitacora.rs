//! The access log ("bitácora"): one row for each answered request of the REST API.
//!
//! Its ids are leased to replicas of the edge in blocks, so that a request gets
//! one without asking anybody. The edge writes the rows a little later, and again
//! when it does not know whether they arrived; a row that is there already stays
//! as it is.

mod days;
mod record;
mod rpc;
mod store;

use auth::{Caller, Role};
use chassis::Task;
use host::Host;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::error::Error;

/// The ids of a block; the step of the sequence.
const BLOCK: u32 = 4096;

/// The most records of a batch.
const BATCH: usize = 512;

/// The most records of an answer, and how many where nothing is asked.
const PAGE: (u32, u32) = (1000, 100);

/// Keeps the access log.
#[derive(Clone)]
pub struct Bitacora {
    pub pool: PgPool,
}

/// One answered request. An id of 0 and an empty text stand for none.
#[derive(Clone, Debug)]
struct Access {
    id: i64,
    at: OffsetDateTime,
    client: i64,
    user: i64,
    company: i64,
    method: String,
    route: String,
    status: i16,
    latency_us: i64,
    ip: String,
    user_agent_hash: Vec<u8>,
    trace_id: String,
    parent: i64,
    claimed_parent: i64,
    request_bytes: i64,
    response_bytes: i64,
    error_code: String,
}

/// Which records are asked for. 0 and an empty text ask for all.
struct Wanted {
    client: i64,
    user: i64,
    company: i64,
    route: String,
    status: i16,
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
    /// Where the page before this one ended.
    before: i64,
    limit: u32,
}

impl Bitacora {
    /// Leases a block; answers its first id. No id is ever leased twice, and one
    /// that is not used is lost.
    async fn allocate(&self) -> Result<i64, Error> {
        Ok(store::next_block(&self.pool).await?)
    }

    /// Stores records, durably. Those that are there already are left alone.
    async fn append(&self, records: &[Access]) -> Result<(), Error> {
        Ok(store::append(&self.pool, records).await?)
    }

    /// The records that are asked for, of the companies within reach, newest first.
    async fn list(&self, caller: &Caller, mut wanted: Wanted) -> Result<Vec<Access>, Error> {
        let user = caller.user.as_ref();
        if user.is_some_and(|user| user.role == Role::Chat) {
            return Err(Error::Forbidden);
        }
        let (most, usual) = PAGE;
        wanted.limit = match wanted.limit {
            0 => usual,
            limit => limit.min(most),
        };
        Ok(store::list(&self.pool, caller.scope(), &wanted).await?)
    }
}

/// The task that makes room for the days to come and removes those that were kept
/// for long enough.
pub fn days(host: &Host, keep: Duration) -> Task {
    let (pool, clock, stop) = (host.pool.clone(), host.clock.clone(), host.stop.clone());
    Task::new("bitacora-days", days::run(pool, clock, keep, stop))
}
