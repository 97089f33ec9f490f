//! Sessions: opened by a login, judged at every use, exchanged by a refresh, ended
//! by a logout, by disuse, or by a token that was used twice.

mod cleaning;
mod ending;
mod judging;
mod opening;
mod password;
mod pin;
mod refreshing;
mod rpc;
mod store;
mod usage;

use std::sync::Arc;

use auth::{Authority, Caller, ClientCaller, ClientId, CompanyId, Role, SessionId, UserId};
use chassis::{Clock, config::Secret};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    authentication::SignedIn,
    clients::SecretMac,
    error::Error,
    guessing::{Guessing, Known, Place},
    password::{PasswordHasher, Upgrades},
    revocations,
    security_events::{self, Kind, SecurityEvent},
    tokens::{Shape, Tokens},
    users,
};

pub use cleaning::clean;
pub use ending::{end_family, end_session, end_unused};
pub use judging::{Admitted, Judge};
pub use opening::Opener;
pub use usage::{Usage, usage};

/// A session and its user as they are now.
pub struct SessionState {
    pub family: Uuid,
    pub generation: i32,
    /// The "ep" of the present token, and of the one before.
    pub epoch: i64,
    pub previous_epoch: Option<i64>,
    /// Until when the token before the present one is good.
    pub previous_until: Option<OffsetDateTime>,
    pub client: ClientId,
    pub expires_at: OffsetDateTime,
    pub idle_seconds: i32,
    pub last_used_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
    /// The user, its company, and the API client.
    pub owners_active: bool,
    /// Tokens with a smaller "ep" are void, by the last revocation of one of them.
    pub void_before: i64,
    pub phone: String,
    pub user: SignedIn,
}

/// What a session says of a token that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is good.
    Good,
    /// It is good, and so far the one before it was too.
    GoodAndFirst,
    /// It is void.
    Void,
    /// It is void, and its successor was used: one of the two was stolen.
    Reused,
}

impl SessionState {
    /// Judges a token of some generation and epoch.
    pub fn judge(&self, generation: i32, epoch: i64, now: OffsetDateTime) -> Verdict {
        let idle = Duration::seconds(self.idle_seconds.into());
        let stands = self.revoked_at.is_none()
            && now < self.expires_at
            && now < self.last_used_at + idle
            && self.owners_active
            && epoch >= self.void_before;
        let previous_good = self.previous_until.is_some_and(|until| now < until);
        match generation.cmp(&self.generation) {
            _ if !stands => Verdict::Void,
            std::cmp::Ordering::Equal if previous_good => Verdict::GoodAndFirst,
            std::cmp::Ordering::Equal => Verdict::Good,
            std::cmp::Ordering::Less if previous_good && generation + 1 == self.generation => {
                Verdict::Good
            }
            std::cmp::Ordering::Less => Verdict::Reused,
            std::cmp::Ordering::Greater => Verdict::Void,
        }
    }
}

/// A session that has just been ended.
pub struct Ended {
    pub sid: Uuid,
    pub expires_at: OffsetDateTime,
    pub user: UserId,
    pub company: CompanyId,
}

/// Lets users in and out.
pub struct Sessions {
    pub pool: PgPool,
    pub passwords: PasswordHasher,
    pub upgrades: Upgrades,
    pub guessing: Guessing,
    pub macs: SecretMac,
    pub opener: Arc<Opener>,
    pub judge: Arc<Judge>,
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
}

/// Address and password, as sent.
pub struct Login {
    pub email: String,
    pub password: Secret,
    /// The device that the session shall be bound to.
    pub device: Option<i64>,
    pub shape: Shape,
    /// The address of whoever logs in.
    pub client_ip: String,
}

/// A user who may be about to log in.
pub struct Candidate {
    pub id: UserId,
    pub company: CompanyId,
    pub role: Role,
    pub name: String,
    pub email: String,
    pub phone: String,
    /// The user and its company.
    pub active: bool,
    pub password_phc: String,
    /// Somebody tried wrong PINs since the last login by password.
    pub pins_failed: bool,
}

/// A session to store.
pub struct NewSession {
    pub sid: Uuid,
    pub client: ClientId,
    pub device: Option<i64>,
    pub shape: Shape,
    pub token_id: Uuid,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub idle_seconds: i32,
}

impl Sessions {
    /// The user with a login address, and whether it has logged in from a place.
    async fn candidate(
        &self,
        email: &str,
        place: &Place,
    ) -> Result<(Option<Candidate>, Known), Error> {
        if !users::is_email(email) {
            return Ok((None, Known::default()));
        }
        let found = store::candidate(&self.pool, email, place).await?;
        Ok(found.map_or_else(Default::default, |(user, known)| (Some(user), known)))
    }

    /// Writes down that a login was refused, also when there is no such user: both
    /// take as long.
    async fn note_refusal(
        &self,
        caller: &Caller,
        whose: Option<(CompanyId, UserId)>,
        by: &'static str,
    ) -> Result<(), Error> {
        let kind = Kind::LoginRefused;
        let event = match whose {
            Some((company, user)) => SecurityEvent::of_user(kind, company, user),
            None => SecurityEvent::of(kind),
        };
        let event = event.with(serde_json::json!({ "by": by }));
        let mut db = self.pool.acquire().await?;
        security_events::record(&mut db, self.clock.now(), caller, event).await?;
        Ok(())
    }

    /// Ends a session; nobody takes its tokens any more when this has answered.
    /// Ending it twice is no failure.
    async fn logout(&self, caller: &Caller, session: SessionId) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let now = self.clock.now();
        let sequence = end_session(&mut transaction, now, caller, session).await?;
        transaction.commit().await?;
        revocations::settled(&self.pool, sequence).await
    }
}

/// The client of a company opens sessions for the users of that company, and for
/// super users, who then see no more than the client does.
fn serves(client: &ClientCaller, user: &Candidate) -> bool {
    client.authority != Authority::Company
        || user.role == Role::Super
        || client.company == Some(user.company)
}
