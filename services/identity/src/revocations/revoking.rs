//! Voiding all tokens of a subject because a service says so.

use auth::{Caller, ClientId, CompanyId, SessionId, UserId};
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Sequence, Subject, record, settled, store};
use crate::{
    error::Error,
    security_events::{self, Kind, SecurityEvent},
    sessions,
};

/// Whose tokens a service may void.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Session(SessionId),
    Family(Uuid),
    Owner(Owner),
}

/// Who owns tokens of several sessions.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    User(UserId),
    Client(ClientId),
    Company(CompanyId),
}

/// Voids the tokens of a subject; when it answers, nobody takes them any more.
/// What does not exist has none: the answer is the head of the log then.
/// `longest` is the lifetime of the longest session.
pub async fn revoke(
    pool: &PgPool,
    by: &Caller,
    now: OffsetDateTime,
    longest: Duration,
    target: Target,
) -> Result<Sequence, Error> {
    let mut db = pool.begin().await?;
    let voided = match target {
        Target::Session(session) => Some(sessions::end_session(&mut db, now, by, session).await?),
        Target::Family(family) => {
            Some(sessions::end_family(&mut db, now, by, Kind::Revoked, family).await?)
        }
        Target::Owner(owner) => revoke_owner(&mut db, by, now, longest, owner).await?,
    };
    db.commit().await?;
    let sequence = match voided {
        Some(sequence) => sequence,
        None => store::head(pool).await?,
    };
    settled(pool, sequence).await?;
    Ok(sequence)
}

/// Voids what a user, client or company has. Its row is locked before the log:
/// whoever changes it holds it already when the log's turn comes.
async fn revoke_owner(
    db: &mut PgConnection,
    by: &Caller,
    now: OffsetDateTime,
    longest: Duration,
    owner: Owner,
) -> Result<Option<Sequence>, Error> {
    let last = Some(now + longest);
    let (event, subject, forget_at) = match owner {
        Owner::User(user) => {
            let Some(company) = store::lock_user(db, user).await? else {
                return Ok(None);
            };
            let event = SecurityEvent::of_user(Kind::Revoked, company, user);
            (event, Subject::User(user), last)
        }
        Owner::Client(client) => {
            if !store::lock_client(db, client).await? {
                return Ok(None);
            }
            let event = SecurityEvent::of_client(Kind::Revoked, None, client);
            (event, Subject::Client(client), None)
        }
        Owner::Company(company) => {
            store::lock_company(db, company).await?;
            let event = SecurityEvent {
                company: Some(company),
                ..SecurityEvent::of(Kind::Revoked)
            };
            (event, Subject::Company(company), last)
        }
    };
    security_events::record(db, now, by, event).await?;
    Ok(Some(record(db, now, subject, forget_at).await?))
}
