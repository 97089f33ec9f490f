//! Keeps what a double has received, in order, and lets a test wait until enough has come.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

/// The oldest records go when there are more than this, so that a double left running in a
/// terminal does not grow for ever.
const KEPT: usize = 100_000;

/// An append-only list with a bell.
#[derive(Debug)]
pub(crate) struct Recorder<T> {
    records: Mutex<VecDeque<T>>,
    total: watch::Sender<usize>,
}

impl<T: Clone> Recorder<T> {
    pub(crate) fn new() -> Self {
        Self {
            records: Mutex::default(),
            total: watch::Sender::new(0),
        }
    }

    pub(crate) fn record(&self, record: T) {
        let mut records = lock(&self.records);
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(record);
        self.total.send_modify(|total| *total += 1);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        lock(&self.records).iter().cloned().collect()
    }

    pub(crate) fn last(&self) -> Option<T> {
        lock(&self.records).back().cloned()
    }

    /// Waits until `count` records have ever been made and returns those kept. The error is how
    /// many there were when `deadline` had passed.
    pub(crate) async fn wait_for(&self, count: usize, deadline: Duration) -> Result<Vec<T>, usize> {
        let mut total = self.total.subscribe();
        let enough = tokio::time::timeout(deadline, total.wait_for(|seen| *seen >= count)).await;
        match enough {
            Ok(_) => Ok(self.all()),
            Err(_) => Err(*self.total.borrow()),
        }
    }
}

/// Locks `mutex`. A test that panicked while holding it has failed already; the others may go on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
