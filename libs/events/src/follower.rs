//! Following a log in memory, from now on: for replicas that each must hear
//! everything while they live.

use std::{sync::Arc, time::Duration};

use chassis::Stop;
use prost::Message;
use tonic::Status;

use crate::{Bus, Event, LogReader, Signal, channel, reader};

const TICK: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(500);

/// What a followed event does. It must not wait.
pub trait Listener: Send + Sync + 'static {
    /// Hears one event, in order, once.
    fn hear(&self, event: &Event);

    /// Runs when events were trimmed before they could be heard.
    fn missed(&self, from: i64, to: i64);
}

/// Follows the log of one source without a database.
pub struct Follower {
    log: LogReader,
    bus: Bus,
    listener: Arc<dyn Listener>,
}

impl Follower {
    /// A follower that tells `listener`.
    pub fn new(log: LogReader, bus: Bus, listener: Arc<dyn Listener>) -> Self {
        Self { log, bus, listener }
    }

    /// Follows until the stop, beginning after the newest event that exists now.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let mut subscription = self.bus.subscribe(&channel(self.log.source()));
        let Some(mut position) = self.newest(&stop).await else {
            return Ok(());
        };
        while !stop.is_requested() {
            let signal = tokio::select! {
                signal = subscription.next() => signal,
                () = tokio::time::sleep(TICK) => None,
                () = stop.requested() => break,
            };
            if let Some(Signal::Payload(payload)) = signal
                && let Ok(event) = Event::decode(payload)
                && event.position <= position + 1
            {
                if event.position == position + 1 {
                    self.listener.hear(&event);
                    position += 1;
                }
                continue;
            }
            match self.catch_up(position).await {
                Ok(now_at) => position = now_at,
                Err(status) => {
                    tracing::warn!(source = self.log.source(), %status, "events wait");
                    stop.within(PAUSE).await;
                }
            }
        }
        Ok(())
    }

    async fn newest(&self, stop: &Stop) -> Option<i64> {
        while !stop.is_requested() {
            match self.log.read(i64::MAX).await {
                Ok(page) => return Some(page.head),
                Err(status) => {
                    tracing::debug!(source = self.log.source(), %status, "the log is not there yet");
                    stop.within(PAUSE).await;
                }
            }
        }
        None
    }

    async fn catch_up(&self, mut position: i64) -> Result<i64, Status> {
        loop {
            let page = self.log.read(position).await?;
            if let Some((from, to)) = reader::missed(position, &page) {
                self.listener.missed(from, to);
            }
            let Some(last) = page.events.last().map(|event| event.position) else {
                // Ahead when the rest was trimmed, behind when the log is that of an older copy
                // of the database.
                return Ok(page.head);
            };
            for event in &page.events {
                self.listener.hear(event);
            }
            position = last;
        }
    }
}
