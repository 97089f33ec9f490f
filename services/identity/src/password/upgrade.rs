//! Storing passwords anew in the present way, which only a login makes possible:
//! nobody else knows them. It happens beside the login and one at a time.

use auth::{Caller, CompanyId, UserId};
use chassis::{Clock, Stop, config::Secret};
use sqlx::PgPool;
use tokio::sync::mpsc;

use super::{PasswordHasher, is_current, store};
use crate::{
    error::Error,
    security_events::{self, Kind, SecurityEvent},
};

/// How many wait at most. One that finds no place is stored anew after a later
/// login.
const WAITING: usize = 64;

/// A password that fits what is stored.
pub struct Upgrade {
    pub user: UserId,
    pub company: CompanyId,
    pub stored: String,
    pub password: Secret,
    /// Who brought it.
    pub by: Caller,
}

/// Where logins leave passwords.
pub struct Upgrades(mpsc::Sender<Upgrade>);

/// Stores them.
pub struct Upgrader {
    pool: PgPool,
    passwords: PasswordHasher,
    clock: Clock,
    waiting: mpsc::Receiver<Upgrade>,
}

/// The two ends.
pub fn upgrades(pool: PgPool, passwords: PasswordHasher, clock: Clock) -> (Upgrades, Upgrader) {
    let (sender, waiting) = mpsc::channel(WAITING);
    let other = Upgrader {
        pool,
        passwords,
        clock,
        waiting,
    };
    (Upgrades(sender), other)
}

impl Upgrades {
    /// Has a password stored anew when it is not stored in the present way.
    pub fn offer(&self, upgrade: Upgrade) {
        if !is_current(&upgrade.stored) {
            // Full, or the process stops: the next login brings it again.
            let _ = self.0.try_send(upgrade);
        }
    }
}

impl Upgrader {
    /// Stores passwords until the stop.
    pub async fn run(mut self, stop: Stop) -> anyhow::Result<()> {
        loop {
            let next = tokio::select! {
                next = self.waiting.recv() => next,
                () = stop.requested() => None,
            };
            let Some(upgrade) = next else {
                return Ok(());
            };
            let user = upgrade.user;
            if let Err(error) = self.store(upgrade).await {
                tracing::warn!(%error, %user, "a password was not stored anew");
            }
        }
    }

    async fn store(&self, upgrade: Upgrade) -> Result<(), Error> {
        let Upgrade { user, stored, .. } = upgrade;
        let new = self.passwords.hash(upgrade.password).await?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        if store::replace(&mut transaction, user, &stored, &new, now).await? {
            let event = SecurityEvent::of_user(Kind::PasswordRehashed, upgrade.company, user);
            security_events::record(&mut transaction, now, &upgrade.by, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
