//! How often a caller may call: a bucket for each class of operations and each
//! API client at each address, on this replica.
//!
//! This keeps one caller from taking all there is. The limits on guessing a
//! password, across replicas and addresses, are identity's.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::Caller;
use serde::{Deserialize, Serialize};

use crate::{errors::Failure, table::Rate};

/// A bucket holds the calls of this long.
const WINDOW: Duration = Duration::from_mins(1);

/// More buckets than this are not kept; callers beyond them are not limited here.
const MOST_BUCKETS: usize = 65_536;

/// The `[edge.limits]` table: calls a minute of one API client at one address; 0
/// is no limit.
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in: 1200,
            guessable: 300,
            webhook: 0,
            ordinary: 0,
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
    /// The API client, if there is one, at the address, if it is known.
    pub fn of(caller: &Caller, address: Option<IpAddr>) -> Self {
        Self {
            client: caller.client.as_ref().map_or(0, |client| client.id.0),
            address,
        }
    }
}

/// The buckets.
pub struct Buckets {
    limits: Limits,
    /// When each bucket will be full again.
    full_at: Mutex<HashMap<(Rate, Who), Instant>>,
}

impl Buckets {
    /// Full buckets.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            full_at: Mutex::default(),
        }
    }

    /// Takes one call out of a bucket; an empty one refuses with the time until
    /// the next call.
    pub fn spend(&self, rate: Rate, who: Who) -> Result<(), Failure> {
        self.spend_at(rate, who, Instant::now())
    }

    fn spend_at(&self, rate: Rate, who: Who, now: Instant) -> Result<(), Failure> {
        let per_window = match rate {
            Rate::SignIn => self.limits.sign_in,
            Rate::Guessable => self.limits.guessable,
            Rate::Webhook => self.limits.webhook,
            Rate::Ordinary => self.limits.ordinary,
            Rate::Unlimited => 0,
        };
        if per_window == 0 {
            return Ok(());
        }
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MOST_BUCKETS && !full_at.contains_key(&(rate, who)) {
            full_at.retain(|_, full| *full > now);
            if full_at.len() >= MOST_BUCKETS {
                return Ok(());
            }
        }
        let full = full_at.entry((rate, who)).or_insert(now);
        let after = (*full).max(now) + WINDOW / per_window;
        let excess = (after - now).saturating_sub(WINDOW);
        if excess.is_zero() {
            *full = after;
            Ok(())
        } else {
            Err(Failure::too_many(excess))
        }
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
}
