//! The fast path of events. It may lose; it never lies: whoever subscribed is
//! told when something may be missing.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{MemoryBus, RedisBus};

/// How many signals a subscriber may be behind before it is told of a gap.
pub(crate) const SUBSCRIBER_BOUND: usize = 1024;

/// A bus to publish on and subscribe to. Cloning shares it.
#[derive(Clone)]
pub enum Bus {
    /// Within one process.
    Memory(MemoryBus),
    /// Between processes.
    Redis(RedisBus),
}

/// The bus does not take messages at the moment.
#[derive(Debug, thiserror::Error)]
#[error("the event bus cannot be reached: {0}")]
pub struct BusError(#[from] pub(crate) redis::RedisError);

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A published payload.
    Payload(Bytes),
    /// Something may have been published that this subscriber did not hear: the
    /// subscription has just (re)started or fell behind.
    Gap,
}

/// A live subscription. Dropping it unsubscribes.
pub struct Subscription(pub(crate) mpsc::Receiver<Signal>);

impl Subscription {
    /// The next signal; `None` once the bus is gone for good. The first one is
    /// always [`Signal::Gap`], when the subscription stands.
    pub async fn next(&mut self) -> Option<Signal> {
        self.0.recv().await
    }
}

impl Bus {
    /// Tells every present subscriber of `channel`.
    pub async fn publish(&self, channel: &str, payload: Bytes) -> Result<(), BusError> {
        match self {
            Self::Memory(bus) => {
                bus.publish(channel, &payload);
                Ok(())
            }
            Self::Redis(bus) => bus.publish(channel, &payload).await,
        }
    }

    /// The Redis behind the bus, for what else processes share; none in one process.
    pub fn redis(&self) -> Option<redis::Client> {
        match self {
            Self::Memory(_) => None,
            Self::Redis(bus) => Some(bus.client()),
        }
    }

    /// Subscribes to `channel`; reconnects by itself for as long as it is held.
    pub fn subscribe(&self, channel: &str) -> Subscription {
        match self {
            Self::Memory(bus) => bus.subscribe(channel),
            Self::Redis(bus) => bus.subscribe(channel),
        }
    }
}
