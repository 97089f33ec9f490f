//! How often one user may write to a bot, as far as this process knows.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many messages of one user are handled in a window.
const MOST: u32 = 10;

/// The length of a window in seconds.
const WINDOW: i64 = 60;

/// How many users are counted at once; beyond that the count starts again.
const LARGEST: usize = 10_000;

/// A bot and a user of it.
type Writer = (i64, i64);

/// Counts messages by their writers.
#[derive(Default)]
pub(super) struct Crowd(Mutex<Count>);

#[derive(Default)]
struct Count {
    window: i64,
    messages: HashMap<Writer, u32>,
}

impl Crowd {
    /// Counts a message at `now` seconds; the error is how long to wait.
    pub(super) fn admit(&self, writer: Writer, now: i64) -> Result<(), Duration> {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = now.div_euclid(WINDOW);
        if count.window != window || count.messages.len() >= LARGEST {
            count.window = window;
            count.messages.clear();
        }
        let messages = count.messages.entry(writer).or_default();
        if *messages >= MOST {
            let left = WINDOW - now.rem_euclid(WINDOW);
            return Err(Duration::from_secs(left.unsigned_abs()));
        }
        *messages += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_too_often_waits_for_the_next_window() {
        let crowd = Crowd::default();
        for _ in 0..MOST {
            assert_eq!(crowd.admit((1, 120), 615), Ok(()));
        }
        assert_eq!(crowd.admit((1, 120), 615), Err(Duration::from_secs(45)));
        assert_eq!(crowd.admit((1, 121), 615), Ok(()));
        assert_eq!(crowd.admit((1, 120), 660), Ok(()));
    }
}
