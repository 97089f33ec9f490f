//! The bus within one process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::{broadcast, mpsc};

use crate::bus::{SUBSCRIBER_BOUND, Signal, Subscription};

/// A bus in memory with the semantics of Redis pub/sub: who is not subscribed or
/// too slow does not hear. Cloning shares it.
#[derive(Clone, Default)]
pub struct MemoryBus(Arc<Mutex<HashMap<String, broadcast::Sender<Bytes>>>>);

impl MemoryBus {
    fn sender(&self, channel: &str) -> broadcast::Sender<Bytes> {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channels
            .entry(channel.to_owned())
            .or_insert_with(|| broadcast::channel(SUBSCRIBER_BOUND).0)
            .clone()
    }

    pub(crate) fn publish(&self, channel: &str, payload: &Bytes) {
        // An error says that nobody listens, which is nobody's fault.
        let _ = self.sender(channel).send(payload.clone());
    }

    pub(crate) fn subscribe(&self, channel: &str) -> Subscription {
        let mut heard = self.sender(channel).subscribe();
        let (signals, receiver) = mpsc::channel(SUBSCRIBER_BOUND);
        tokio::spawn(async move {
            let mut signal = Signal::Gap;
            while signals.send(signal).await.is_ok() {
                signal = tokio::select! {
                    next = heard.recv() => match next {
                        Ok(payload) => Signal::Payload(payload),
                        Err(broadcast::error::RecvError::Lagged(_)) => Signal::Gap,
                        Err(broadcast::error::RecvError::Closed) => return,
                    },
                    () = signals.closed() => return,
                };
            }
        });
        Subscription(receiver)
    }
}
