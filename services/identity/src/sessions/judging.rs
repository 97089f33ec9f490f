//! Judging bearer tokens by the database.

use std::sync::Arc;

use auth::Caller;
use chassis::Clock;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{SessionState, Usage, Verdict, end_family, store};
use crate::{
    error::Error,
    revocations::{self, Sequence, Subject},
    security_events::Kind,
    tokens::{Presented, Tokens},
};

/// Judges tokens, and does what their use brings about: the successor of a token
/// voids it, and a token that comes back after that voids them all.
pub struct Judge {
    pub pool: PgPool,
    pub tokens: Arc<Tokens>,
    pub used: Usage,
    pub clock: Clock,
}

/// What the database says of a token.
pub struct Judgement {
    /// The newest revocation that it takes into account.
    pub head: Sequence,
    /// The session, if the token is good.
    pub admitted: Option<Admitted>,
}

/// A token that is good, and its session.
pub struct Admitted {
    pub session: SessionState,
    pub generation: i32,
    pub epoch: i64,
}

impl Judge {
    /// Judges a token of either shape; `by` is who asks.
    pub async fn judge(&self, by: &Caller, token: &str) -> Result<Judgement, Error> {
        match self.tokens.read(token).await {
            Ok(presented) => self.judge_presented(by, presented).await,
            Err(Error::BearerToken) => Ok(Judgement {
                head: Sequence(0),
                admitted: None,
            }),
            Err(error) => Err(error),
        }
    }

    /// The session of a token, or the refusal of the token.
    pub async fn admit(&self, by: &Caller, token: &str) -> Result<Admitted, Error> {
        let judgement = self.judge(by, token).await?;
        judgement.admitted.ok_or(Error::BearerToken)
    }

    async fn judge_presented(&self, by: &Caller, presented: Presented) -> Result<Judgement, Error> {
        let (sid, number) = match &presented {
            Presented::Jwt(claims) => (Some(claims.sid), None),
            Presented::Opaque { number, .. } => (None, Some(*number)),
        };
        let (head, session) = store::state(&self.pool, sid, number).await?;
        let refused = Judgement {
            head,
            admitted: None,
        };
        let Some((session, generation, epoch)) =
            session.and_then(|session| self.fits(session, &presented))
        else {
            return Ok(refused);
        };
        let now = self.clock.now();
        match session.judge(generation, epoch, now) {
            Verdict::Void => return Ok(refused),
            Verdict::Reused => {
                self.end_all(by, now, &session).await?;
                return Ok(refused);
            }
            Verdict::GoodAndFirst => self.end_previous(now, &session).await?,
            Verdict::Good => {}
        }
        self.used.note(&session, now);
        let admitted = Some(Admitted {
            session,
            generation,
            epoch,
        });
        Ok(Judgement { head, admitted })
    }

    /// The generation and the epoch of a token that really belongs to a session.
    fn fits(
        &self,
        session: SessionState,
        presented: &Presented,
    ) -> Option<(SessionState, i32, i64)> {
        match presented {
            Presented::Jwt(claims) => (claims.user() == Some(session.user.id.0)).then_some((
                session,
                claims.generation,
                claims.epoch,
            )),
            Presented::Opaque {
                generation, secret, ..
            } => {
                let proved = self
                    .tokens
                    .proves(session.user.session, *generation, secret);
                let epoch = if *generation == session.generation {
                    session.epoch
                } else {
                    session.previous_epoch.unwrap_or(session.epoch)
                };
                proved.then_some((session, *generation, epoch))
            }
        }
    }

    /// The successor of a token is used for the first time: the token is void.
    async fn end_previous(&self, now: OffsetDateTime, session: &SessionState) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let sid = session.user.session;
        if !store::end_previous(&mut transaction, sid, session.generation).await? {
            return Ok(());
        }
        let subject = Subject::Generation {
            session: sid,
            first_good: session.generation,
            effective_at: None,
        };
        let forget_at = Some(session.expires_at);
        let sequence = revocations::record(&mut transaction, now, subject, forget_at).await?;
        transaction.commit().await?;
        revocations::settled(&self.pool, sequence).await
    }

    /// A token came back after its successor was used: whoever holds either may
    /// have stolen it.
    async fn end_all(
        &self,
        by: &Caller,
        now: OffsetDateTime,
        session: &SessionState,
    ) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let family = session.family;
        let sequence = end_family(&mut transaction, now, by, Kind::TokenReused, family).await?;
        transaction.commit().await?;
        tracing::warn!(user = session.user.id.0, "a replaced token was used");
        revocations::settled(&self.pool, sequence).await
    }
}
