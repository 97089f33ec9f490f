//! Exchanging a token for its successor.

use auth::{Caller, SessionId};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use super::{Sessions, judging::Admitted, store};
use crate::{
    authentication::SignedIn,
    error::Error,
    revocations::{self, Subject},
    security_events::{self, Kind, SecurityEvent},
    tokens::Facts,
};

/// How long a token stays good when its successor is not used: its answer may
/// have been lost on the way.
const GRACE: Duration = Duration::seconds(60);

/// A new token and whose session it is.
pub struct Refreshed {
    pub token: String,
    pub user: SignedIn,
    pub phone: String,
}

impl Sessions {
    /// The successor of `token`, which must belong to the session of the caller.
    /// Asked again while the token is still good, the answer is the same.
    pub(super) async fn refresh(&self, caller: &Caller, token: &str) -> Result<Refreshed, Error> {
        let admitted = self.judge.admit(caller, token).await?;
        let sid = admitted.session.user.session;
        let of_caller = caller.user.as_ref().map(|user| user.session);
        if of_caller != Some(SessionId(sid)) {
            return Err(Error::BearerToken);
        }
        let facts = if admitted.generation == admitted.session.generation {
            match self.rotate(caller, &admitted).await? {
                Some(facts) => facts,
                // Somebody was faster with the same token, or ended the session.
                None => self.successor_of(caller, token).await?,
            }
        } else {
            self.present(sid).await?
        };
        Ok(Refreshed {
            token: self.tokens.make(&facts)?,
            user: admitted.session.user,
            phone: admitted.session.phone,
        })
    }

    async fn rotate(&self, caller: &Caller, admitted: &Admitted) -> Result<Option<Facts>, Error> {
        let now = self.clock.now();
        let session = &admitted.session;
        let (sid, until) = (session.user.session, now + GRACE);
        let mut transaction = self.pool.begin().await?;
        let rotated = store::rotate(
            &mut transaction,
            sid,
            admitted.generation,
            Uuid::new_v4(),
            now,
            until,
        )
        .await?;
        let Some(facts) = rotated else {
            return Ok(None);
        };
        let user = &session.user;
        let event = SecurityEvent::of_user(Kind::TokenRefreshed, user.company, user.id)
            .with(json!({"session": sid, "generation": facts.generation}));
        security_events::record(&mut transaction, now, caller, event).await?;
        let subject = Subject::Generation {
            session: sid,
            first_good: facts.generation,
            effective_at: Some(until),
        };
        // Nothing is void yet, so nobody has to wait until it has settled: a lease
        // is far shorter than the time until then.
        let _ =
            revocations::record(&mut transaction, now, subject, Some(session.expires_at)).await?;
        transaction.commit().await?;
        Ok(Some(facts))
    }

    /// The successor, if the token was just exchanged by somebody else.
    async fn successor_of(&self, caller: &Caller, token: &str) -> Result<Facts, Error> {
        let admitted = self.judge.admit(caller, token).await?;
        if admitted.generation == admitted.session.generation {
            return Err(Error::BearerToken);
        }
        self.present(admitted.session.user.session).await
    }

    async fn present(&self, sid: Uuid) -> Result<Facts, Error> {
        let facts = store::present(&self.pool, sid).await?;
        facts.ok_or(Error::BearerToken)
    }
}
