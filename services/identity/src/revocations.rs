//! The revocation log: which tokens are void. A change that voids tokens writes
//! its entry in its own transaction and answers only when every replica that
//! checks tokens by itself has applied it or lost its lease.

mod following;
mod forgetting;
mod revoking;
mod rpc;
mod store;

use std::time::Duration;

use auth::{ClientId, CompanyId, UserId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::error::Error;

pub use following::{Head, head as follow};
pub use forgetting::forget;
pub use rpc::RevocationDesk;
pub use store::head;

/// How long a lease lasts without an acknowledgement.
pub const LEASE: Duration = Duration::from_secs(3);

/// Leases end within [`LEASE`]; whoever waits for longer has a database that
/// hardly answers.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Between two looks at the leases.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Whose tokens are void, or what has to be asked for anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Every token of a session.
    Session(Uuid),
    /// The older tokens of a session that was refreshed.
    Generation {
        /// The session.
        session: Uuid,
        /// The first generation that is still good.
        first_good: i32,
        /// From when the older ones are void; absent means at once.
        effective_at: Option<OffsetDateTime>,
    },
    /// Every token of the sessions that stem from one login.
    Family(Uuid),
    /// Every token that a user has now.
    User(UserId),
    /// An API client and every token opened through it.
    Client(ClientId),
    /// Every token that users of a company have now.
    Company(CompanyId),
    /// Nothing is void; the claims of a user's tokens are out of date.
    ChangedUser(UserId),
    /// Nothing is void; what is kept about an API client is out of date.
    ChangedClient(ClientId),
}

/// An entry of the log.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub sequence: Sequence,
    pub subject: Subject,
    /// When no token can be concerned any more; never, if absent.
    pub forget_at: Option<OffsetDateTime>,
}

/// The number of an entry. A caller who has one still has to wait until the
/// replicas have applied it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
#[must_use = "the change has not reached every replica before `settled`"]
pub struct Sequence(pub i64);

/// Writes an entry in the transaction of the change; `forget_at` is when no token
/// can be concerned any more. It locks the log until the commit, so it belongs at
/// the end of the transaction. Epochs of users, clients and companies move along.
pub async fn record(
    db: &mut PgConnection,
    now: OffsetDateTime,
    subject: Subject,
    forget_at: Option<OffsetDateTime>,
) -> Result<Sequence, sqlx::Error> {
    let sequence = store::next(db).await?;
    store::insert(db, sequence, now, subject, forget_at).await?;
    match subject {
        Subject::User(user) => store::raise_user(db, user, sequence).await?,
        Subject::Client(client) => store::raise_client(db, client, sequence).await?,
        Subject::Company(company) => store::raise_company(db, company, sequence).await?,
        Subject::Session(_)
        | Subject::Generation { .. }
        | Subject::Family(_)
        | Subject::ChangedUser(_)
        | Subject::ChangedClient(_) => {}
    }
    Ok(sequence)
}

/// Waits, after the commit, until every replica has applied an entry or lost its
/// lease.
pub async fn settled(pool: &PgPool, sequence: Sequence) -> Result<(), Error> {
    let deadline = Instant::now() + LONGEST_WAIT;
    while store::behind(pool, sequence).await? {
        if Instant::now() > deadline {
            return Err(Error::NotSettled);
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
