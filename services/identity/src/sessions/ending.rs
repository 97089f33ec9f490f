//! Ending sessions: by a logout, a revocation, a token used twice, or disuse.

use std::time::Duration;

use auth::{Caller, SessionId};
use chassis::{Clock, Stop};
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Ended, store};
use crate::{
    error::Error,
    revocations::{self, Sequence, Subject},
    security_events::{self, Kind, SecurityEvent},
};

/// How often unused sessions are looked for.
const EVERY: Duration = Duration::from_secs(30);

/// How many of them end in one transaction: the log is locked meanwhile.
const AT_ONCE: i64 = 200;

/// Ends a session in the transaction of `db`. When it had ended before, the answer
/// is the head of the log, which holds that end.
pub async fn end_session(
    db: &mut PgConnection,
    now: OffsetDateTime,
    by: &Caller,
    session: SessionId,
) -> Result<Sequence, Error> {
    let Some(ended) = store::revoke(db, session, now).await? else {
        return Ok(revocations::head(db).await?);
    };
    note(db, now, by, Kind::LoggedOut, &ended, "logout").await?;
    let subject = Subject::Session(session.0);
    Ok(revocations::record(db, now, subject, Some(ended.expires_at)).await?)
}

/// Ends all sessions of a login in the transaction of `db`; `kind` says why.
pub async fn end_family(
    db: &mut PgConnection,
    now: OffsetDateTime,
    by: &Caller,
    kind: Kind,
    family: Uuid,
) -> Result<Sequence, Error> {
    let ended = store::revoke_family(db, family, now).await?;
    let Some(last) = ended.iter().map(|ended| ended.expires_at).max() else {
        return Ok(revocations::head(db).await?);
    };
    for ended in &ended {
        note(db, now, by, kind, ended, "family").await?;
    }
    Ok(revocations::record(db, now, Subject::Family(family), Some(last)).await?)
}

/// Ends sessions that nobody uses any more, until the stop.
pub async fn end_unused(pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
    loop {
        match end_some(&pool, clock.now()).await {
            // There may be more.
            Ok(AT_ONCE) if !stop.is_requested() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "unused sessions were not ended"),
        }
        if stop.within(EVERY).await {
            return Ok(());
        }
    }
}

/// Nobody waits for these ends, so they need not have settled.
async fn end_some(pool: &PgPool, now: OffsetDateTime) -> Result<i64, sqlx::Error> {
    let by = Caller::service(crate::NAME);
    let mut transaction = pool.begin().await?;
    let ended = store::end_unused(&mut transaction, now, AT_ONCE).await?;
    for ended in &ended {
        note(&mut transaction, now, &by, Kind::LoggedOut, ended, "disuse").await?;
    }
    for ended in &ended {
        let subject = Subject::Session(ended.sid);
        let _ = revocations::record(&mut transaction, now, subject, Some(ended.expires_at)).await?;
    }
    transaction.commit().await?;
    Ok(i64::try_from(ended.len()).unwrap_or(AT_ONCE))
}

async fn note(
    db: &mut PgConnection,
    now: OffsetDateTime,
    by: &Caller,
    kind: Kind,
    ended: &Ended,
    cause: &str,
) -> Result<(), sqlx::Error> {
    let event = SecurityEvent::of_user(kind, ended.company, ended.user)
        .with(json!({"session": ended.sid, "cause": cause}));
    security_events::record(db, now, by, event).await
}
