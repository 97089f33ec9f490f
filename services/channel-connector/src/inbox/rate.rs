//! How many bodies of unknown accounts are kept, so that nobody fills the disk
//! with them.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// How many may come at once.
const BURST: f64 = 1000.0;

/// How many more each second.
const PER_SECOND: f64 = 20.0;

/// A bucket that fills with time, for this process.
pub(super) struct Allowance(Mutex<(f64, Instant)>);

impl Default for Allowance {
    fn default() -> Self {
        Self(Mutex::new((BURST, Instant::now())))
    }
}

impl Allowance {
    /// Takes one, if there is one.
    pub(super) fn take(&self) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let filled = bucket.0 + now.duration_since(bucket.1).as_secs_f64() * PER_SECOND;
        let filled = filled.min(BURST);
        let taken = filled >= 1.0;
        *bucket = (if taken { filled - 1.0 } else { filled }, now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_off() {
        let allowance = Allowance::default();
        let taken = (0..5000).filter(|_| allowance.take()).count();
        assert!((1000..2000).contains(&taken), "{taken}");
    }
}
