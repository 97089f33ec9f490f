//! How much an API client may call in all, from wherever and whatever: a rate with a
//! burst and a quota for the day, both counted on this replica.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::ClientId;
use chassis::Clock;
use http::{HeaderMap, HeaderValue};
use proto::identity::v1::ApiClientLimits;

use super::{Limits, WINDOW};
use crate::errors::Failure;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The calls of every API client.
pub struct Quotas {
    defaults: ApiClientLimits,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The day that is counted, in days since the Unix epoch in UTC.
    day: i64,
    /// There is one for each client that proved who it is, so they are as few.
    clients: HashMap<ClientId, Calls>,
}

struct Calls {
    /// When its bucket will be full again.
    full_at: Instant,
    /// Calls of the day.
    today: u64,
}

/// What is left to a client with limits, for the headers of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    limit: u64,
    remaining: u64,
}

impl Standing {
    /// Writes the headers.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
    }
}

impl Quotas {
    /// Full buckets; `defaults` hold where a client has no value of its own.
    pub fn new(defaults: &Limits, clock: Clock) -> Self {
        Self {
            defaults: ApiClientLimits {
                requests_per_minute: defaults.client_per_minute,
                burst: defaults.client_burst,
                requests_per_day: defaults.client_per_day,
            },
            clock,
            state: Mutex::default(),
        }
    }

    /// Counts one call; answers what is left, if anything limits the client. What is
    /// refused does not count.
    pub fn spend(
        &self,
        client: ClientId,
        own: ApiClientLimits,
    ) -> Result<Option<Standing>, Failure> {
        self.spend_at(client, own, Instant::now())
    }

    fn spend_at(
        &self,
        client: ClientId,
        own: ApiClientLimits,
        now: Instant,
    ) -> Result<Option<Standing>, Failure> {
        let limits = self.effective(own);
        if limits.requests_per_minute == 0 && limits.requests_per_day == 0 {
            return Ok(None);
        }
        let seconds = self.clock.unix_seconds();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn_to(seconds.div_euclid(DAY_SECONDS), now);
        let calls = state.clients.entry(client).or_insert(Calls {
            full_at: now,
            today: 0,
        });
        let of_day = calls.day(limits.requests_per_day, seconds)?;
        let of_rate = calls.rate(limits, now)?;
        calls.today += 1;
        Ok([of_day, of_rate]
            .into_iter()
            .flatten()
            .min_by_key(|standing| standing.remaining))
    }

    fn effective(&self, own: ApiClientLimits) -> ApiClientLimits {
        let or = |own, default| if own == 0 { default } else { own };
        let per_minute = or(own.requests_per_minute, self.defaults.requests_per_minute);
        // A burst of the deployment belongs to its rate, not to another one.
        let burst = if own.requests_per_minute == 0 {
            or(own.burst, self.defaults.burst)
        } else {
            own.burst
        };
        ApiClientLimits {
            requests_per_minute: per_minute,
            burst: or(burst, per_minute),
            requests_per_day: if own.requests_per_day == 0 {
                self.defaults.requests_per_day
            } else {
                own.requests_per_day
            },
        }
    }
}

impl State {
    /// Begins a new day, where nobody has called yet.
    fn turn_to(&mut self, day: i64, now: Instant) {
        if day > self.day {
            self.day = day;
            self.clients.retain(|_, calls| {
                calls.today = 0;
                calls.full_at > now
            });
        }
    }
}

impl Calls {
    /// What one more call leaves of the quota; 0 is no quota.
    fn day(&self, quota: u64, seconds: i64) -> Result<Option<Standing>, Failure> {
        if quota == 0 {
            return Ok(None);
        }
        if self.today >= quota {
            let left = DAY_SECONDS - seconds.rem_euclid(DAY_SECONDS);
            return Err(Failure::TooMany {
                retry_after: Duration::from_secs(left.unsigned_abs()),
                limit: Some(quota),
            });
        }
        Ok(Some(Standing {
            limit: quota,
            remaining: quota - self.today - 1,
        }))
    }

    /// Takes one call out of the bucket; without a rate there is none.
    fn rate(&mut self, limits: ApiClientLimits, now: Instant) -> Result<Option<Standing>, Failure> {
        if limits.requests_per_minute == 0 {
            return Ok(None);
        }
        let each = WINDOW / limits.requests_per_minute;
        let whole = each * limits.burst;
        let after = self.full_at.max(now) + each;
        let taken = after - now;
        let Some(left) = whole.checked_sub(taken) else {
            return Err(Failure::TooMany {
                retry_after: taken.saturating_sub(whole),
                limit: Some(limits.requests_per_minute.into()),
            });
        };
        self.full_at = after;
        let left = left.as_nanos() / each.as_nanos().max(1);
        Ok(Some(Standing {
            limit: limits.requests_per_minute.into(),
            remaining: u64::try_from(left).unwrap_or(u64::MAX),
        }))
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn limits(per_minute: u32, burst: u32, per_day: u64) -> ApiClientLimits {
        ApiClientLimits {
            requests_per_minute: per_minute,
            burst,
            requests_per_day: per_day,
        }
    }

    fn quotas(defaults: &Limits) -> (Quotas, Clock) {
        let noon = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let clock = Clock::set_to(noon + time::Duration::hours(23));
        (Quotas::new(defaults, clock.clone()), clock)
    }

    fn remaining(standing: Result<Option<Standing>, Failure>) -> Option<u64> {
        standing.unwrap().map(|standing| standing.remaining)
    }

    #[test]
    fn a_burst_is_granted_and_the_rate_after_it() {
        let (quotas, _) = quotas(&Limits::default());
        let start = Instant::now();
        let spend = |client, seconds| {
            let now = start + Duration::from_secs(seconds);
            quotas.spend_at(ClientId(client), limits(60, 3, 0), now)
        };
        for left in [2, 1, 0] {
            assert_eq!(remaining(spend(1, 0)), Some(left));
        }
        let Err(Failure::TooMany { retry_after, limit }) = spend(1, 0) else {
            panic!("there was room for more than the burst");
        };
        assert_eq!((retry_after, limit), (Duration::from_secs(1), Some(60)));
        assert_eq!(remaining(spend(2, 0)), Some(2), "another client");
        assert_eq!(remaining(spend(1, 1)), Some(0));
        assert!(spend(1, 1).is_err());
        assert_eq!(remaining(spend(1, 60)), Some(2), "full again");
    }

    #[test]
    fn a_quota_lasts_until_midnight() {
        let (quotas, clock) = quotas(&Limits::default());
        let spend = || quotas.spend(ClientId(1), limits(0, 0, 2));
        assert_eq!(remaining(spend()), Some(1));
        assert_eq!(remaining(spend()), Some(0));
        let Err(Failure::TooMany { retry_after, limit }) = spend() else {
            panic!("the quota was not kept");
        };
        assert_eq!((retry_after, limit), (Duration::from_hours(1), Some(2)));
        clock.advance(time::Duration::hours(1));
        assert_eq!(remaining(spend()), Some(1));
    }

    #[test]
    fn own_values_stand_over_the_defaults() {
        let (quotas, _) = quotas(&Limits {
            client_per_minute: 10,
            client_burst: 1,
            client_per_day: 1000,
            ..Limits::default()
        });
        let effective = |own| quotas.effective(own);
        assert_eq!(effective(limits(0, 0, 0)), limits(10, 1, 1000));
        assert_eq!(effective(limits(0, 5, 0)), limits(10, 5, 1000));
        assert_eq!(effective(limits(60, 0, 7)), limits(60, 60, 7));
        let (unlimited, _) = super::tests::quotas(&Limits::default());
        assert_eq!(unlimited.spend(ClientId(1), limits(0, 0, 0)).unwrap(), None);
    }
}
