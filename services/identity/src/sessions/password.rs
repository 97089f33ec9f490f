//! Logging in by address and password.

use auth::{Caller, ClientCaller};

use super::{Candidate, Login, Sessions, serves};
use crate::{
    error::Error,
    password::{self, Upgrade},
    pins,
};

impl Sessions {
    /// Opens a session through the API client of `caller`; answers its token and
    /// the user. Every failure of the credentials is the same, in time too.
    pub(super) async fn login(
        &self,
        caller: &Caller,
        login: Login,
    ) -> Result<(String, Candidate), Error> {
        let client = caller.client.as_ref().ok_or(Error::Forbidden)?;
        if password::is_too_long(&login.password) {
            return Err(Error::Login);
        }
        // One question to the database for both. Whoever is changed while the attempt
        // waits for its turn is noticed when the session is opened.
        let place = self.guessing.place(&login.client_ip, login.device);
        let (found, known) = self.candidate(&login.email, &place).await?;
        let ticket = self.guessing.before(&login.email, place, known).await?;
        let outcome = self.judge_password(caller, client, found, &login).await;
        ticket.close(outcome, |(_, user)| user.id).await
    }

    async fn judge_password(
        &self,
        caller: &Caller,
        client: &ClientCaller,
        found: Option<Candidate>,
        login: &Login,
    ) -> Result<(String, Candidate), Error> {
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
        let token = self.open_verified(caller, &user, login).await?;
        if user.pins_failed {
            pins::switch_on(&self.pool, user.id).await?;
        }
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
        caller: &Caller,
        user: &Candidate,
        login: &Login,
    ) -> Result<String, Error> {
        let (device, shape) = (login.device, login.shape);
        match self.opener.open(caller, user, device, shape).await {
            Err(Error::Login) => {}
            opened => return opened,
        }
        let place = self.guessing.place(&login.client_ip, login.device);
        let (again, _) = self.candidate(&login.email, &place).await?;
        let again = again.filter(|now| now.id == user.id && now.active);
        let stored = again.as_ref().map(|user| user.password_phc.clone());
        let right = self
            .passwords
            .verify(stored, login.password.clone())
            .await?;
        let user = again.filter(|_| right).ok_or(Error::Login)?;
        self.opener.open(caller, &user, device, shape).await
    }
}
