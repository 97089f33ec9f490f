//! How much of strangers is kept, so that nobody fills the disk with it. Each
//! source has a budget of its own: whoever floods one takes nothing from the
//! other.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::Source;

/// A budget, for this process.
struct Budget {
    /// The largest body, in bytes.
    largest: usize,
    /// How many may come at once.
    burst: f64,
    /// How many more each second.
    per_second: f64,
}

/// Bodies that carry a signature of Meta, though nobody here can check it: whoever connects the
/// account within a day gets what it has missed.
const META: Budget = Budget {
    largest: 64 * 1024,
    burst: 1000.0,
    per_second: 20.0,
};

/// Updates for bots that nobody has connected. No secret exists that could ever prove them, so
/// they are kept for people to look at and no more.
const TELEGRAM: Budget = Budget {
    largest: 16 * 1024,
    burst: 60.0,
    per_second: 0.2,
};

/// What may still be kept of strangers.
#[derive(Default)]
pub(super) struct Strangers {
    meta: Allowance,
    telegram: Allowance,
}

impl Strangers {
    /// Says whether a body of `bytes` is kept, and counts it if so.
    pub(super) fn admit(&self, source: Source, bytes: usize) -> bool {
        let (budget, allowance) = match source {
            Source::Meta => (META, &self.meta),
            Source::Telegram => (TELEGRAM, &self.telegram),
        };
        bytes <= budget.largest && allowance.take(&budget)
    }
}

/// How much of a budget is spent, and when that was.
#[derive(Default)]
struct Allowance(Mutex<Option<(f64, Instant)>>);

impl Allowance {
    /// Takes one, if there is one.
    fn take(&self, budget: &Budget) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let before = spent.map_or(0.0, |(spent, at)| {
            let regained = now.duration_since(at).as_secs_f64() * budget.per_second;
            (spent - regained).max(0.0)
        });
        let taken = before + 1.0 <= budget.burst;
        *spent = Some((if taken { before + 1.0 } else { before }, now));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_off_and_takes_nothing_from_the_other_source() {
        let strangers = Strangers::default();
        let admitted = |source| (0..5000).filter(|_| strangers.admit(source, 100)).count();
        let telegram = admitted(Source::Telegram);
        assert!((60..200).contains(&telegram), "{telegram}");
        let meta = admitted(Source::Meta);
        assert!((1000..3000).contains(&meta), "{meta}");
    }

    #[test]
    fn what_is_large_is_not_kept() {
        let strangers = Strangers::default();
        assert!(!strangers.admit(Source::Telegram, 16 * 1024 + 1));
        assert!(strangers.admit(Source::Telegram, 16 * 1024));
        assert!(!strangers.admit(Source::Meta, 64 * 1024 + 1));
        assert!(strangers.admit(Source::Meta, 64 * 1024));
    }
}
