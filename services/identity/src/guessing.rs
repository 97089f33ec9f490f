//! Limits on guessing passwords, PINs and recovery links.
//!
//! Failures are counted on the account together with the network of the caller
//! (five are free, then the wait doubles from a second to 15 minutes), on the
//! account over all networks, and on the network over all accounts. Above the
//! limit of an account only those may try who have logged in from the same
//! network or device before, so that a stranger cannot lock the owner out; the
//! others hear what a wrong password hears. Above the limit of a network only the
//! accounts that have logged in from it go on.
//!
//! An attempt is counted before it is judged and given back when it succeeds:
//! attempts at the same time are no way around a limit.

mod cleaning;
mod counters;
mod local;
mod origin;
mod redis;
mod store;
mod timing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth::UserId;
use chassis::{Clock, config::Secret};
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::{clients::SecretMac, error::Error};
use counters::{Backend, Counters};
use origin::Origin;
use timing::Timing;

pub use cleaning::clean;
pub use origin::holder;

/// How long a login from a network or device speaks for it.
const REMEMBERED: time::Duration = time::Duration::days(180);

/// For how long it does not need to be written down again.
const TODAY: time::Duration = time::Duration::days(1);

/// Between looks for room among attempts at the same time; together they take
/// less than a second.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LAST_PAUSE: Duration = Duration::from_millis(400);

/// What is granted. Hours are counted by a bucket that fills up evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Failures of an account from one network before the first wait.
    pub free: u32,
    /// Failures of an account in an hour, over all networks.
    pub per_account: u32,
    /// Failures from a network in an hour, over all accounts.
    pub per_network: u32,
}

impl Limits {
    /// The limits of one replica that cannot ask the others: half of them.
    fn alone(self) -> Self {
        let half = |limit: u32| limit.div_ceil(2);
        Self {
            free: half(self.free),
            per_account: half(self.per_account),
            per_network: half(self.per_network),
        }
    }
}

/// Whence somebody tries, as digests: no address stands in a table.
pub struct Place {
    pub network: Vec<u8>,
    pub device_digest: Vec<u8>,
    device: Option<i64>,
    /// Logins before this are forgotten.
    pub since: OffsetDateTime,
    /// Those after this need not be written down again.
    pub today: OffsetDateTime,
}

/// Whether there was a login to an account from a place; there was none to what is
/// no account.
#[derive(Default)]
pub struct Known {
    pub network: bool,
    pub device: bool,
    /// How many of the two were remembered today.
    pub today: i64,
}

/// Somebody who wants to try.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    /// What is tried, as digests: no address stands in Redis.
    account: String,
    network: String,
    /// There was a login to the account from the network.
    known_network: bool,
    /// There was one from the device.
    known_device: bool,
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Judge it.
    Admitted,
    /// Answer as if it were wrong, without judging it.
    Pretended,
    /// Nothing before this.
    Wait(Duration),
    /// There are as many attempts at the same time as there may be.
    Crowded,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    /// It could not be judged.
    Unjudged,
}

/// What is said about an address that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// That nobody has it.
    Told,
    /// Nothing: the caller has asked for too many; from now on, or still.
    Hidden {
        /// This is the first time.
        newly: bool,
    },
}

/// Counts attempts. Cloning shares the counters.
#[derive(Clone)]
pub struct Guessing {
    pool: PgPool,
    macs: SecretMac,
    counters: Counters,
    timing: Arc<Timing>,
    clock: Clock,
}

/// An attempt that may be made. Whoever holds it says what became of it; one that
/// is dropped, because the caller went away, has failed.
#[must_use = "the attempt is neither failed nor succeeded"]
pub struct Ticket {
    guessing: Guessing,
    attempt: Attempt,
    device: Option<i64>,
    /// A login from here was remembered today.
    is_noted: bool,
    backend: Backend,
    began: Instant,
}

impl Guessing {
    /// Counts in Redis when there is one, else in this process.
    pub fn new(
        pool: PgPool,
        macs: SecretMac,
        redis: Option<::redis::Client>,
        limits: Limits,
        clock: Clock,
    ) -> Self {
        Self {
            pool,
            macs,
            counters: Counters::new(redis, limits),
            timing: Arc::default(),
            clock,
        }
    }

    /// The place that somebody tries from: an address and perhaps a device.
    pub fn place(&self, client_ip: &str, device: Option<i64>) -> Place {
        let now = self.clock.now();
        Place {
            network: self.network_digest(&Origin::of(client_ip)),
            device_digest: self.device_digest(device),
            device,
            since: now - REMEMBERED,
            today: now - TODAY,
        }
    }

    /// Asks to try `account`, a login address or whatever stands for one, from a
    /// place that is `known` to it or not. [`Error::TooManyTries`] before the wait is
    /// over; [`Error::Login`], after the time of an ordinary failure, when the
    /// account takes attempts from known places only; [`Error::Busy`] when too many
    /// come at the same time.
    pub async fn before(&self, account: &str, place: Place, known: Known) -> Result<Ticket, Error> {
        let device = place.device;
        let attempt = Attempt {
            account: self.digest("account", &account.to_lowercase()),
            network: hex::encode(&place.network),
            known_network: known.network,
            known_device: known.device && device.is_some(),
        };
        let (verdict, backend) = self.admit(&attempt).await;
        match verdict {
            Verdict::Admitted => Ok(Ticket {
                guessing: self.clone(),
                attempt,
                device,
                is_noted: known.today > i64::from(device.is_some()),
                backend,
                began: Instant::now(),
            }),
            Verdict::Pretended => {
                tokio::time::sleep(self.timing.draw()).await;
                Err(Error::Login)
            }
            Verdict::Wait(wait) => Err(Error::TooManyTries(wait)),
            Verdict::Crowded => Err(Error::Busy),
        }
    }

    /// Waits a moment for room: of logins that come at once, each is soon over.
    async fn admit(&self, attempt: &Attempt) -> (Verdict, Backend) {
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = self.counters.admit(attempt, self.clock.now()).await;
            if answer.0 != Verdict::Crowded || pause > LAST_PAUSE {
                return answer;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Takes one call out of each bucket, or out of none: pairs of what is counted
    /// and how much of it an hour grants.
    pub async fn spend(&self, buckets: &[(&str, &str, u32)]) -> Result<(), Error> {
        let buckets: Vec<(String, u32)> = buckets
            .iter()
            .map(|(kind, what, hourly)| (self.digest(kind, what), *hourly))
            .collect();
        match self.counters.spend(&buckets, self.clock.now()).await {
            None => Ok(()),
            Some(wait) => Err(Error::TooManyTries(wait)),
        }
    }

    /// Notes that `asker` asked for an address that nobody has.
    pub async fn missing(&self, asker: &str, address: &str) -> Missing {
        let asker = self.digest("asker", asker);
        let address = self.digest("address", &address.to_lowercase());
        let now = self.clock.now();
        self.counters.missing(&asker, &address, now).await
    }

    /// Remembers whence a user has logged in; failing to is no failure of the
    /// login.
    async fn remember(&self, user: UserId, network: &str, device: Option<i64>) {
        let mut origins = vec![hex::decode(network).unwrap_or_default()];
        if device.is_some() {
            origins.push(self.device_digest(device));
        }
        let now = self.clock.now();
        if let Err(error) = store::remember(&self.pool, user, &origins, now).await {
            tracing::warn!(%error, "the origin of a login was not remembered");
        }
    }

    fn network_digest(&self, origin: &Origin) -> Vec<u8> {
        self.short("network", &origin.to_string())
    }

    fn device_digest(&self, device: Option<i64>) -> Vec<u8> {
        self.short("device", &device.unwrap_or_default().to_string())
    }

    fn digest(&self, kind: &str, what: &str) -> String {
        hex::encode(self.short(kind, what))
    }

    /// Half a digest: enough to tell one from another.
    fn short(&self, kind: &str, what: &str) -> Vec<u8> {
        let placed = Secret::new(format!("guess|{kind}|{what}"));
        let mut digest = self.macs.of(&placed);
        digest.truncate(16);
        digest
    }
}

impl Ticket {
    /// Says what became of the attempt, and passes it on: it has succeeded, it has
    /// failed with [`Error::Login`], or something else kept it from being judged.
    /// `user` names who logged in.
    pub async fn close<T>(
        self,
        outcome: Result<T, Error>,
        user: impl FnOnce(&T) -> UserId,
    ) -> Result<T, Error> {
        match &outcome {
            Ok(done) => self.succeeded(user(done)).await,
            Err(Error::Login) => {
                self.guessing.timing.note(self.began.elapsed());
                self.failed().await;
            }
            Err(_) => self.unjudged().await,
        }
        outcome
    }

    /// The attempt was right: the failures of this account from this network are
    /// forgotten, and the place is known from now on.
    pub async fn succeeded(self, user: UserId) {
        self.settle(Outcome::Right).await;
        if !self.is_noted {
            let network = &self.attempt.network;
            self.guessing.remember(user, network, self.device).await;
        }
    }

    /// The attempt was wrong.
    pub async fn failed(self) {
        self.settle(Outcome::Wrong).await;
    }

    /// The attempt could not be judged and does not count.
    pub async fn unjudged(self) {
        self.settle(Outcome::Unjudged).await;
    }

    async fn settle(&self, outcome: Outcome) {
        let now = self.guessing.clock.now();
        let counters = &self.guessing.counters;
        counters
            .settle(self.backend, &self.attempt, outcome, now)
            .await;
    }
}

#[cfg(test)]
mod contract;
