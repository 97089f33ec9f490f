//! Gives seats up a moment after their sockets are gone, so that a reload is no
//! coming and going, and again when the database did not answer.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chassis::Stop;
use tokio::{sync::Notify, time::Instant};

use crate::presence::{Presence, Seat};

/// How long between two tries when the database does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// Seats that are to be given up. There are never more of them than this replica
/// has rows of members: a seat is queued once, after it was taken.
pub struct Leaver {
    delay: Duration,
    queue: Mutex<VecDeque<(Instant, Seat)>>,
    arrived: Notify,
}

impl Leaver {
    /// Gives seats up `delay` after they were queued.
    pub fn new(delay: Duration) -> Self {
        Self {
            delay,
            queue: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Queues a seat.
    pub fn later(&self, seat: Seat) {
        self.queue().push_back((Instant::now() + self.delay, seat));
        self.arrived.notify_one();
    }

    /// Gives seats up until the stop; what is left then is cleared up by the
    /// replicas that live on.
    pub async fn run(&self, presence: Presence, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            let arrived = self.arrived.notified();
            let due = self.queue().front().map(|(due, _)| *due);
            match due {
                None => tokio::select! {
                    () = arrived => {}
                    () = stop.requested() => {}
                },
                Some(due) if due > Instant::now() => tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = stop.requested() => {}
                },
                Some(_) => self.give_up_first(&presence, &stop).await,
            }
        }
        Ok(())
    }

    async fn give_up_first(&self, presence: &Presence, stop: &Stop) {
        let Some((_, seat)) = self.queue().front().cloned() else {
            return;
        };
        match presence.leave(&seat).await {
            Ok(()) => {
                self.queue().pop_front();
            }
            Err(error) => {
                tracing::warn!(%error, "somebody who left still counts as present");
                stop.within(RETRY).await;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(Instant, Seat)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
