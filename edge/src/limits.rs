//! How often a caller may call: a bucket for each class of operations and each
//! API client at each address, on this replica, and what a client may call in all.
//!
//! This keeps one caller from taking all there is. It does not count across
//! replicas, nor one account over many addresses.

mod clients;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::Caller;
use serde::{Deserialize, Serialize};

use crate::{errors::Failure, table::Rate};

pub use clients::{Quotas, Standing};

/// A bucket holds the calls of this long.
const WINDOW: Duration = Duration::from_mins(1);

/// More buckets than this are not kept; callers beyond them share one for each
/// class, so that a crowd of addresses does not lift the limit.
const MOST_BUCKETS: usize = 65_536;

/// How often full buckets are thrown away at most.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The `[edge.limits]` table: calls a minute of one API client at one address, where
/// nothing else is said; 0 is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Operations that check a password, a PIN or a token.
    pub sign_in: u32,
    /// Recovery links, and looking people up by telephone.
    pub guessable: u32,
    /// Webhooks of providers.
    pub webhook: u32,
    /// Everything else.
    pub ordinary: u32,
    /// All calls of an API client in a minute, unless it has a rate of its own.
    pub client_per_minute: u32,
    /// How many of them may come at once; 0 is all of them.
    pub client_burst: u32,
    /// All calls of an API client in a day in UTC, unless it has a quota of its
    /// own.
    pub client_per_day: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in: 1200,
            guessable: 300,
            webhook: 0,
            ordinary: 0,
            client_per_minute: 0,
            client_burst: 0,
            client_per_day: 0,
        }
    }
}

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    client: i64,
    address: Option<IpAddr>,
}

impl Who {
    /// Everybody for whom there is no bucket.
    const OTHERS: Self = Self {
        client: -1,
        address: None,
    };

    /// The API client, if there is one, at the address, if it is known.
    pub fn of(caller: &Caller, address: Option<IpAddr>) -> Self {
        Self {
            client: caller.client.as_ref().map_or(0, |client| client.id.0),
            address: address.map(holder),
        }
    }
}

/// What one holder of an address can choose is left out: the lower half of IPv6.
fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// The buckets.
pub struct Buckets {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When each bucket will be full again.
    full_at: HashMap<(Rate, Who), Instant>,
    swept_at: Option<Instant>,
}

impl State {
    /// Whose bucket is taken: one's own, or that of the others when there are too
    /// many.
    fn bucket(&mut self, rate: Rate, who: Who, now: Instant) -> &mut Instant {
        let known = self.full_at.contains_key(&(rate, who));
        if !known && self.full_at.len() >= MOST_BUCKETS {
            self.sweep(now);
        }
        let who = if known || self.full_at.len() < MOST_BUCKETS {
            who
        } else {
            Who::OTHERS
        };
        self.full_at.entry((rate, who)).or_insert(now)
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_none_or(|at| now >= at + SWEEP_EVERY) {
            self.full_at.retain(|_, full| *full > now);
            self.swept_at = Some(now);
        }
    }
}

impl Buckets {
    /// Full buckets.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// Takes one call out of a bucket; an empty one refuses with the time until
    /// the next call.
    pub fn spend(&self, rate: Rate, who: Who) -> Result<(), Failure> {
        self.spend_at(rate, who, Instant::now())
    }

    fn spend_at(&self, rate: Rate, who: Who, now: Instant) -> Result<(), Failure> {
        let limit = match rate {
            Rate::SignIn => self.limits.sign_in,
            Rate::Guessable => self.limits.guessable,
            Rate::Webhook => self.limits.webhook,
            Rate::Ordinary => self.limits.ordinary,
            Rate::Unlimited => 0,
        };
        if limit == 0 {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let full = state.bucket(rate, who, now);
        let after = (*full).max(now) + WINDOW / limit;
        let retry_after = (after - now).saturating_sub(WINDOW);
        if retry_after.is_zero() {
            *full = after;
            return Ok(());
        }
        Err(Failure::TooMany {
            retry_after,
            limit: Some(limit.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_fills_again() {
        let buckets = Buckets::new(Limits {
            sign_in: 3,
            ..Limits::default()
        });
        let start = Instant::now();
        let spend = |rate, client, seconds| {
            let who = Who {
                client,
                address: None,
            };
            buckets
                .spend_at(rate, who, start + Duration::from_secs(seconds))
                .is_ok()
        };
        for _ in 0..3 {
            assert!(spend(Rate::SignIn, 1, 0));
        }
        assert!(!spend(Rate::SignIn, 1, 0));
        assert!(spend(Rate::SignIn, 2, 0));
        assert!(spend(Rate::Ordinary, 1, 0));
        assert!(spend(Rate::SignIn, 1, 20));
        assert!(!spend(Rate::SignIn, 1, 20));
    }

    #[test]
    fn a_crowd_of_addresses_does_not_lift_the_limit() {
        let buckets = Buckets::new(Limits {
            sign_in: 1,
            ..Limits::default()
        });
        let start = Instant::now();
        let spend = |host: u32, seconds| {
            let address = IpAddr::from(host.to_be_bytes());
            let who = Who::of(&Caller::service("edge"), Some(address));
            let now = start + Duration::from_secs(seconds);
            buckets.spend_at(Rate::SignIn, who, now).is_ok()
        };
        let most = u32::try_from(MOST_BUCKETS).unwrap();
        for host in 0..most {
            assert!(spend(host, 0));
        }
        assert!(spend(most, 0), "the first of the others");
        assert!(!spend(most + 1, 0), "the next one shares its bucket");
        assert!(!spend(0, 0), "whoever has a bucket keeps it");
        assert!(spend(most + 1, 61), "there is room again");
        assert!(spend(most + 2, 61));
    }

    #[test]
    fn the_holder_of_a_network_has_one_bucket() {
        let caller = Caller::service("edge");
        let who = |address: &str| Who::of(&caller, Some(address.parse().unwrap()));
        assert_eq!(who("2001:db8::1"), who("2001:db8:0:0:ffff::2"));
        assert_ne!(who("2001:db8::1"), who("2001:db8:0:1::1"));
        assert_ne!(who("192.0.2.1"), who("192.0.2.2"));
        assert_eq!(who("192.0.2.1"), who("::ffff:192.0.2.1"));
    }
}
