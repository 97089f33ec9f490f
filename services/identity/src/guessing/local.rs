//! Counters in this process: what counters.lua does, in bounded maps.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Attempt, Limits, Missing, Outcome, Verdict};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The longest wait between two attempts.
const LONGEST: i64 = 900_000;

/// No attempt takes so long: whoever made it has gone.
const STALE: i64 = 60_000;

/// Attempts at the same time on an account from a network it is known from.
const AT_ONCE: u32 = 32;

/// Different addresses without a user that one asker may ask for in an hour.
pub const MOST_MISSING: usize = 5;

/// More than this is not kept of each kind. What comes beyond shares one place, so
/// that a crowd does not lift the limits.
const MOST: usize = 65_536;

/// How often places are looked through at most.
const SWEEP_EVERY: i64 = 1000;

/// The place of all for whom there is no other.
const OTHERS: &str = "others";

/// Counters of this process. Times are milliseconds since the Unix epoch.
pub struct Local {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pairs: Places<Pair>,
    /// When each bucket is full again.
    buckets: Places<i64>,
    askers: Places<Asker>,
}

/// An account from a network.
#[derive(Clone, Copy, Default)]
struct Pair {
    failures: u32,
    failed: i64,
    pending: u32,
    pended: i64,
}

/// Somebody who asks for addresses that nobody has.
#[derive(Default)]
struct Asker {
    asked: HashMap<String, i64>,
    hidden_until: i64,
}

impl Local {
    /// Empty counters.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// Judges an attempt and counts it.
    pub fn admit(&self, attempt: &Attempt, now: i64) -> Verdict {
        let limits = self.limits;
        let state = &mut *self.state();
        let pair = state.pair(attempt, now);
        let mut kept = *pair;
        if let Some(wait) = kept.wait(limits.free, now) {
            return Verdict::Wait(wait);
        }
        if kept.pending >= kept.room(limits.free, attempt.known_network) {
            return Verdict::Crowded;
        }
        let network = format!("network {}", attempt.network);
        let account = format!("account {}", attempt.account);
        let wait = state.wait(&network, limits.per_network, now);
        if let Some(wait) = wait.filter(|_| !attempt.known_network) {
            return Verdict::Wait(wait);
        }
        state.shift(&network, HOUR / i64::from(limits.per_network), now);
        let known = attempt.known_network || attempt.known_device;
        let verdict = if state.wait(&account, limits.per_account, now).is_some() && !known {
            kept.fail(now);
            Verdict::Pretended
        } else {
            state.shift(&account, HOUR / i64::from(limits.per_account), now);
            kept.pending += 1;
            kept.pended = now;
            Verdict::Admitted
        };
        *state.pair(attempt, now) = kept;
        verdict
    }

    /// Notes what became of an attempt.
    pub fn settle(&self, attempt: &Attempt, outcome: Outcome, now: i64) {
        let limits = self.limits;
        let state = &mut *self.state();
        let pair = state.pair(attempt, now);
        pair.pending = pair.pending.saturating_sub(1);
        match outcome {
            Outcome::Wrong => return pair.fail(now),
            Outcome::Right => (pair.failures, pair.failed) = (0, 0),
            Outcome::Unjudged => {}
        }
        let account = format!("account {}", attempt.account);
        state.shift(&account, -HOUR / i64::from(limits.per_account), now);
        let network = format!("network {}", attempt.network);
        state.shift(&network, -HOUR / i64::from(limits.per_network), now);
    }

    /// Takes one out of each bucket, or answers the time until that is possible.
    pub fn spend(&self, buckets: &[(String, u32)], now: i64) -> Option<Duration> {
        let mut state = self.state();
        let waits = buckets
            .iter()
            .filter_map(|(bucket, hourly)| state.wait(bucket, *hourly, now));
        let wait = waits.max();
        if wait.is_none() {
            for (bucket, hourly) in buckets {
                state.shift(bucket, HOUR / i64::from(*hourly), now);
            }
        }
        wait
    }

    /// Notes that somebody asked for an address that nobody has.
    pub fn missing(&self, asker: &str, address: &str, now: i64) -> Missing {
        let mut state = self.state();
        let live = |asker: &Asker| asker.hidden_until > now || asker.asked_since(now - HOUR);
        let asker = state.askers.of(asker.to_owned(), now, live);
        if asker.hidden_until > now {
            return Missing::Hidden { newly: false };
        }
        asker.asked.retain(|_, at| *at > now - HOUR);
        asker.asked.insert(address.to_owned(), now);
        if asker.asked.len() <= MOST_MISSING {
            return Missing::Told;
        }
        asker.asked.clear();
        asker.hidden_until = now + DAY;
        Missing::Hidden { newly: true }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pair(&mut self, attempt: &Attempt, now: i64) -> &mut Pair {
        let key = format!("{} {}", attempt.account, attempt.network);
        let live = |pair: &Pair| pair.failed > now - DAY || pair.pended > now - STALE;
        let pair = self.pairs.of(key, now, live);
        if pair.failed < now - DAY {
            pair.failures = 0;
        }
        if pair.pended < now - STALE {
            pair.pending = 0;
        }
        pair
    }

    fn bucket(&mut self, bucket: &str, now: i64) -> &mut i64 {
        let live = |full_at: &i64| *full_at > now;
        let full_at = self.buckets.of(bucket.to_owned(), now, live);
        *full_at = (*full_at).max(now);
        full_at
    }

    /// How long a bucket has nothing left.
    fn wait(&mut self, bucket: &str, hourly: u32, now: i64) -> Option<Duration> {
        let full_at = *self.bucket(bucket, now);
        let wait = full_at + HOUR / i64::from(hourly) - now - HOUR;
        u64::try_from(wait)
            .ok()
            .filter(|wait| *wait > 0)
            .map(Duration::from_millis)
    }

    fn shift(&mut self, bucket: &str, by: i64, now: i64) {
        *self.bucket(bucket, now) += by;
    }
}

impl Pair {
    /// How long there is still to wait after the last failure.
    fn wait(&self, free: u32, now: i64) -> Option<Duration> {
        let failures = self.failures.checked_sub(free)?;
        let delay = LONGEST.min(1000 << failures.min(20));
        let wait = u64::try_from(self.failed + delay - now).unwrap_or(0);
        (wait > 0).then(|| Duration::from_millis(wait))
    }

    /// How many attempts there may be at the same time.
    fn room(&self, free: u32, known_network: bool) -> u32 {
        match free.saturating_sub(self.failures) {
            0 => 1,
            _ if known_network => AT_ONCE,
            left => left,
        }
    }

    fn fail(&mut self, now: i64) {
        self.failures = self.failures.saturating_add(1);
        self.failed = now;
    }
}

impl Asker {
    fn asked_since(&self, since: i64) -> bool {
        self.asked.values().any(|at| *at > since)
    }
}

/// A bounded map of what is counted.
#[derive(Default)]
struct Places<V> {
    taken: HashMap<String, V>,
    swept_at: i64,
}

impl<V: Default> Places<V> {
    /// The place of a key, or that of the others when there is none left; places
    /// that are not `live` are given away.
    fn of(&mut self, key: String, now: i64, live: impl Fn(&V) -> bool) -> &mut V {
        let known = self.taken.contains_key(&key);
        if !known && self.taken.len() >= MOST && now >= self.swept_at + SWEEP_EVERY {
            self.taken.retain(|_, value| live(value));
            self.swept_at = now;
        }
        let key = if known || self.taken.len() < MOST {
            key
        } else {
            OTHERS.to_owned()
        };
        self.taken.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_does_not_lift_the_limits() {
        let local = Local::new(Limits {
            free: 5,
            per_account: 50,
            per_network: 100,
        });
        let spend = |caller: usize| local.spend(&[(caller.to_string(), 1)], 1000);
        for caller in 0..MOST {
            assert_eq!(spend(caller), None);
        }
        assert_eq!(spend(MOST), None, "the first of the others");
        assert!(spend(MOST + 1).is_some(), "the next one shares its place");
        assert!(spend(0).is_some(), "whoever has a place keeps it");
        let later = 1001 + HOUR;
        assert_eq!(local.spend(&[("late".to_owned(), 1)], later), None);
        assert!(
            local.state().buckets.taken.len() < 10,
            "there is room again"
        );
    }
}
