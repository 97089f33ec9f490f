//! How long refusing a login takes at present, for refusals that must take as long
//! without judging anything.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::rand;

/// How many of the last ones are remembered.
const KEPT: usize = 64;

/// What is said before there was one.
const FIRST: Duration = Duration::from_millis(25);

/// The times of the last refusals.
#[derive(Default)]
pub struct Timing(Mutex<Times>);

#[derive(Default)]
struct Times {
    kept: Vec<Duration>,
    next: usize,
}

impl Timing {
    /// Notes how long one took.
    pub fn note(&self, took: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.kept.len() < KEPT {
            times.kept.push(took);
            return;
        }
        let next = times.next;
        times.kept[next] = took;
        times.next = (next + 1) % KEPT;
    }

    /// One of the last times, drawn by lot: many of them look like many of those.
    pub fn draw(&self) -> Duration {
        let mut lot = [0];
        // Without randomness it is always the first one, which is a time as well.
        let _ = rand::fill(&mut lot);
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match times.kept.len() {
            0 => FIRST,
            count => times.kept[usize::from(lot[0]) % count],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_was_noted_lately() {
        let timing = Timing::default();
        assert_eq!(timing.draw(), FIRST);
        for millis in 0..1000 {
            timing.note(Duration::from_millis(millis));
        }
        for _ in 0..100 {
            assert!(timing.draw() >= Duration::from_millis(1000 - KEPT as u64));
        }
    }
}
