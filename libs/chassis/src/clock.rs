//! The only source of the current time, so that tests can set it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};

/// The current time, real or set by a test. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Microseconds since the Unix epoch.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The time of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A time that stands still until [`Clock::advance`] moves it.
    pub fn set_to(start: OffsetDateTime) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(micros(start)))))
    }

    /// Moves a set clock; the system clock is not impressed.
    pub fn advance(&self, by: Duration) {
        if let Source::Set(at) = &self.0 {
            let by = i64::try_from(by.whole_microseconds()).unwrap_or(0);
            at.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// The current time in UTC, in whole microseconds like PostgreSQL's.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
            Source::System => {
                let now = OffsetDateTime::now_utc();
                now.replace_microsecond(now.microsecond()).unwrap_or(now)
            }
            Source::Set(at) => {
                let nanos = i128::from(at.load(Ordering::SeqCst)) * 1000;
                OffsetDateTime::from_unix_timestamp_nanos(nanos)
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            }
        }
    }

    /// Whole seconds since the Unix epoch.
    pub fn unix_seconds(&self) -> i64 {
        self.now().unix_timestamp()
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_clock_stands_still_until_advanced() {
        let clock = Clock::set_to(OffsetDateTime::UNIX_EPOCH);
        let shared = clock.clone();
        assert_eq!(clock.unix_seconds(), 0);
        shared.advance(Duration::seconds(90));
        assert_eq!(clock.unix_seconds(), 90);
    }
}
