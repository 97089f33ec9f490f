//! The lease under which this process may check tokens by itself, the log it
//! follows, and which sessions it let in.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::log::{Log, Stated, Verdict};

/// The clocks of two machines do not run alike; a lease is given up earlier by
/// this much.
const MARGIN: Duration = Duration::from_millis(100);

/// More sessions than this are not noted between two acknowledgements.
const MOST_USED: usize = 65_536;

/// What the follower keeps up to date and every check looks at.
pub struct Revocations {
    log: RwLock<Log>,
    lease: Lease,
    used: Mutex<HashSet<Uuid>>,
}

/// Until when the lease stands, in microseconds after `base`; 0 for no lease.
struct Lease {
    base: Instant,
    until: AtomicU64,
}

impl Lease {
    fn stands(&self, now: Instant) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until != 0 && now < self.base + Duration::from_micros(until)
    }

    fn hold(&self, asked_at: Instant, length: Duration) {
        let until = (asked_at + length.saturating_sub(MARGIN)).duration_since(self.base);
        let until = u64::try_from(until.as_micros()).unwrap_or(0);
        self.until.store(until, Ordering::Release);
    }
}

impl Revocations {
    /// Nothing known and no lease.
    pub fn new() -> Self {
        Self {
            log: RwLock::default(),
            lease: Lease {
                base: Instant::now(),
                until: AtomicU64::new(0),
            },
            used: Mutex::default(),
        }
    }

    /// Says whether tokens may be checked here: the lease stands and the log was
    /// caught up with.
    pub fn live(&self) -> bool {
        self.lease.stands(Instant::now())
    }

    /// Holds the lease for `length` from the time at which it was asked for.
    pub fn hold(&self, asked_at: Instant, length: Duration) {
        self.lease.hold(asked_at, length);
    }

    /// Gives the lease up.
    pub fn give_up(&self) {
        self.lease.until.store(0, Ordering::Release);
    }

    /// What the log says of a token.
    pub fn judge(&self, token: &Stated, now: i64) -> Verdict {
        self.read(|log| log.judge(token, now))
    }

    /// Looks at the log.
    pub fn read<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.log.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the log.
    pub fn write<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        change(&mut self.log.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a session was let in.
    pub fn note_use(&self, session: Uuid) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() < MOST_USED {
            used.insert(session);
        }
    }

    /// Takes the notes, at most `most`; the others stay.
    pub fn take_used(&self, most: usize) -> Vec<Uuid> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let taken: Vec<_> = used.iter().copied().take(most).collect();
        for session in &taken {
            used.remove(session);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_by_itself_a_little_early() {
        let base = Instant::now();
        let lease = Lease {
            base,
            until: AtomicU64::new(0),
        };
        assert!(!lease.stands(base));
        // Asked for a second ago, whenever the answer came.
        lease.hold(base + Duration::from_secs(1), Duration::from_secs(3));
        assert!(lease.stands(base + Duration::from_millis(3899)));
        assert!(!lease.stands(base + Duration::from_millis(3900)));
    }

    #[test]
    fn a_lease_that_was_given_up_is_none() {
        let revocations = Revocations::new();
        assert!(!revocations.live());
        revocations.hold(Instant::now(), Duration::from_secs(3));
        assert!(revocations.live());
        revocations.give_up();
        assert!(!revocations.live());
    }

    #[test]
    fn notes_of_use_are_taken_in_parts() {
        let revocations = Revocations::new();
        for number in 0..10 {
            revocations.note_use(Uuid::from_u128(number % 5));
        }
        assert_eq!(revocations.take_used(3).len(), 3);
        assert_eq!(revocations.take_used(3).len(), 2);
        assert!(revocations.take_used(3).is_empty());
    }
}
