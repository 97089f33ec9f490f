//! Logging in by the PIN of an enrolled device.

use auth::{Caller, ClientCaller};
use chassis::config::Secret;

use super::{Candidate, Sessions, serves};
use crate::{error::Error, pins, tokens::Shape};

/// Address, device and PIN, as sent.
pub struct PinLogin {
    pub email: String,
    pub pin: Secret,
    pub device: i64,
    pub shape: Shape,
    /// The address of whoever logs in.
    pub client_ip: String,
}

impl Sessions {
    /// Opens a session that is bound to the device. Every failure is the same, in
    /// time too.
    pub(super) async fn login_with_pin(
        &self,
        caller: &Caller,
        login: PinLogin,
    ) -> Result<(String, Candidate), Error> {
        let client = caller.client.as_ref().ok_or(Error::Forbidden)?;
        // Whoever sends it knows that it is none: there is nothing to hide.
        if !pins::is_pin(&login.pin) {
            return Err(Error::Login);
        }
        let place = self.guessing.place(&login.client_ip, Some(login.device));
        let (found, known) = self.candidate(&login.email, &place).await?;
        let ticket = self.guessing.before(&login.email, place, known).await?;
        let outcome = self.judge_pin(caller, client, found, &login).await;
        ticket.close(outcome, |(_, user)| user.id).await
    }

    async fn judge_pin(
        &self,
        caller: &Caller,
        client: &ClientCaller,
        candidate: Option<Candidate>,
        login: &PinLogin,
    ) -> Result<(String, Candidate), Error> {
        let user = candidate.as_ref().map(|user| user.id);
        let attempt = pins::begin(&self.pool, user, login.device, self.clock.now()).await?;
        // It is verified before anything else is judged, so that all take as long.
        let verified = attempt.verify(&self.passwords, &self.macs, &login.pin);
        let right = match verified.await {
            Ok(right) => right,
            Err(error) => {
                attempt.give_back(&self.pool).await?;
                return Err(error);
            }
        };
        let whose = candidate.as_ref().map(|user| (user.company, user.id));
        let user = candidate.filter(|user| right && user.active && serves(client, user));
        let Some(user) = user else {
            self.note_refusal(caller, whose, "pin").await?;
            if let Some((company, _)) = whose.filter(|_| !right) {
                let now = self.clock.now();
                attempt.failed(&self.pool, now, caller, company).await?;
            }
            return Err(Error::Login);
        };
        // The device may be gone by now.
        if !attempt.succeeded(&self.pool, self.clock.now()).await? {
            return Err(Error::Login);
        }
        let token = self.open_again(caller, &user, login).await?;
        Ok((token, user))
    }

    /// Opens a session; once more when the password was stored anew meanwhile.
    async fn open_again(
        &self,
        caller: &Caller,
        user: &Candidate,
        login: &PinLogin,
    ) -> Result<String, Error> {
        let (device, shape) = (Some(login.device), login.shape);
        match self.opener.open(caller, user, device, shape).await {
            Err(Error::Login) => {}
            opened => return opened,
        }
        let place = self.guessing.place(&login.client_ip, device);
        let (again, _) = self.candidate(&login.email, &place).await?;
        let again = again.filter(|now| now.id == user.id && now.active);
        let user = again.ok_or(Error::Login)?;
        self.opener.open(caller, &user, device, shape).await
    }
}
