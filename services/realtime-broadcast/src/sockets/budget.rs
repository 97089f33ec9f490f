//! How often a client may ask for something.

use tokio::time::Instant;

/// A bucket of permissions that fills up again at a steady rate.
pub(super) struct Budget {
    capacity: f64,
    per_second: f64,
    left: f64,
    counted_at: Instant,
}

impl Budget {
    /// A bucket that is full at `now`.
    pub(super) fn new(capacity: u16, per_second: u16, now: Instant) -> Self {
        Self {
            capacity: f64::from(capacity),
            per_second: f64::from(per_second),
            left: f64::from(capacity),
            counted_at: now,
        }
    }

    /// Takes one permission; false when there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let grown = (now - self.counted_at).as_secs_f64() * self.per_second;
        self.left = (self.left + grown).min(self.capacity);
        self.counted_at = now;
        let granted = self.left >= 1.0;
        if granted {
            self.left -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_granted_and_then_the_rate() {
        let start = Instant::now();
        let mut budget = Budget::new(3, 10, start);
        let mut granted_at = |after: u64| {
            let now = start + Duration::from_millis(after);
            (0..5).filter(|_| budget.take(now)).count()
        };
        assert_eq!(granted_at(0), 3);
        assert_eq!(granted_at(200), 2);
        assert_eq!(granted_at(60_000), 3);
    }
}
