//! Sessions: opened by a login, judged at every use, ended by a logout.

mod cleaning;
mod pin;
mod rpc;
mod store;
mod usage;

use std::sync::Arc;

use auth::{Authority, Caller, ClientCaller, CompanyId, DepartmentId, Role, SessionId, UserId};
use chassis::{Clock, config::Secret};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    authentication::SignedIn,
    clients::SecretMac,
    config::Lifetimes,
    error::Error,
    guessing::Guessing,
    keys::KeyRing,
    password::{self, PasswordHasher, Upgrade, Upgrades},
    pins,
    security_events::{self, Kind, SecurityEvent},
    tokens::Claims,
    users,
};

pub use cleaning::clean;
pub use usage::{Usage, usage};

/// A session and its user as they are now.
pub struct SessionState {
    pub generation: i32,
    pub expires_at: OffsetDateTime,
    pub idle_seconds: i32,
    pub last_used_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
    /// The user and its company.
    pub user_active: bool,
    pub user_epoch: i64,
    pub user: SignedIn,
}

impl SessionState {
    /// Says whether a verified token is good for this session.
    pub fn admits(&self, claims: &Claims, now: OffsetDateTime) -> bool {
        let idle = Duration::seconds(self.idle_seconds.into());
        self.revoked_at.is_none()
            && now < self.expires_at
            && now < self.last_used_at + idle
            && claims.generation == self.generation
            && self.user_active
            && claims.epoch >= self.user_epoch
            && claims.user() == Some(self.user.id.0)
    }
}

/// Opens and ends sessions.
pub struct Sessions {
    pub pool: PgPool,
    pub passwords: PasswordHasher,
    pub upgrades: Upgrades,
    pub guessing: Guessing,
    pub macs: SecretMac,
    pub keys: Arc<KeyRing>,
    pub lifetimes: Lifetimes,
    pub clock: Clock,
}

/// Address and password, as sent.
pub struct Login {
    pub email: String,
    pub password: Secret,
    /// The device that the session shall be bound to.
    pub device: Option<i64>,
    /// The address of whoever logs in.
    pub client_ip: String,
}

/// A user who may be about to log in.
pub struct Candidate {
    pub id: UserId,
    pub company: CompanyId,
    pub department: Option<DepartmentId>,
    pub role: Role,
    pub name: String,
    pub email: String,
    pub phone: String,
    /// The user and its company.
    pub active: bool,
    pub password_phc: String,
}

/// A session to store.
pub struct NewSession {
    pub sid: Uuid,
    pub client: i64,
    pub device: Option<i64>,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub idle_seconds: i32,
}

impl Sessions {
    /// Opens a session through `client`; answers its token and the user. Every
    /// failure of the credentials is the same, in time too.
    async fn login(
        &self,
        caller: &Caller,
        client: &ClientCaller,
        login: Login,
    ) -> Result<(String, Candidate), Error> {
        if password::is_too_long(&login.password) {
            return Err(Error::Login);
        }
        let tried = self
            .guessing
            .before(&login.email, &login.client_ip, login.device);
        let ticket = tried.await?;
        let outcome = self.judge(caller, client, &login).await;
        ticket.close(outcome, |(_, user)| user.id).await
    }

    async fn judge(
        &self,
        caller: &Caller,
        client: &ClientCaller,
        login: &Login,
    ) -> Result<(String, Candidate), Error> {
        let found = self.candidate(&login.email).await?;
        let whose = found.as_ref().map(|user| (user.company, user.id));
        let candidate = found.filter(|user| user.active && serves(client, user));
        let stored = candidate.as_ref().map(|user| user.password_phc.clone());
        let right = self
            .passwords
            .verify(stored, login.password.clone())
            .await?;
        let Some(user) = candidate.filter(|_| right) else {
            self.note_refusal(caller, whose, "password").await?;
            return Err(Error::Login);
        };
        let token = self.open_verified(client, &user, login).await?;
        pins::switch_on(&self.pool, user.id).await?;
        self.upgrades.offer(Upgrade {
            user: user.id,
            company: user.company,
            stored: user.password_phc.clone(),
            password: login.password.clone(),
            by: caller.clone(),
        });
        Ok((token, user))
    }

    /// Opens a session. A password that was stored anew meanwhile, or changed, is
    /// verified once more.
    async fn open_verified(
        &self,
        client: &ClientCaller,
        user: &Candidate,
        login: &Login,
    ) -> Result<String, Error> {
        match self.open(client, user, login.device).await {
            Err(Error::Login) => {}
            opened => return opened,
        }
        let again = self.candidate(&login.email).await?;
        let again = again.filter(|now| now.id == user.id && now.active);
        let stored = again.as_ref().map(|user| user.password_phc.clone());
        let right = self
            .passwords
            .verify(stored, login.password.clone())
            .await?;
        let user = again.filter(|_| right).ok_or(Error::Login)?;
        self.open(client, &user, login.device).await
    }

    /// The user with a login address.
    async fn candidate(&self, email: &str) -> Result<Option<Candidate>, Error> {
        if !users::is_email(email) {
            return Ok(None);
        }
        Ok(store::candidate(&self.pool, email).await?)
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

    async fn open(
        &self,
        client: &ClientCaller,
        user: &Candidate,
        device: Option<i64>,
    ) -> Result<String, Error> {
        let now = self.clock.now();
        let lifetime = match device {
            Some(_) => self.lifetimes.device,
            None => self.lifetimes.web,
        };
        let session = NewSession {
            sid: Uuid::now_v7(),
            client: client.id.0,
            device,
            created_at: now,
            expires_at: now + lifetime.total,
            idle_seconds: i32::try_from(lifetime.idle.whole_seconds()).unwrap_or(i32::MAX),
        };
        // Nothing is opened when the user was switched off or got another
        // password while this one was being verified.
        let opened = store::open(&self.pool, user, &session)
            .await?
            .ok_or(Error::Login)?;
        self.keys.sign(&Claims {
            iss: self.keys.issuer().to_owned(),
            aud: self.keys.audience().to_owned(),
            sub: user.id.to_string(),
            sid: session.sid,
            generation: opened.generation,
            epoch: opened.epoch,
            company: user.company.0,
            department: user.department.map(|department| department.0),
            role: user.role.number(),
            iat: now.unix_timestamp(),
            exp: session.expires_at.unix_timestamp(),
            jti: Uuid::new_v4(),
        })
    }

    /// Ends a session. Ending it twice is no failure.
    async fn logout(&self, session: SessionId) -> Result<(), Error> {
        store::revoke(&self.pool, session.0, self.clock.now()).await?;
        Ok(())
    }
}

/// The client of a company opens sessions for the users of that company, and for
/// super users, who then see no more than the client does.
fn serves(client: &ClientCaller, user: &Candidate) -> bool {
    client.authority != Authority::Company
        || user.role == Role::Super
        || client.company == Some(user.company)
}
