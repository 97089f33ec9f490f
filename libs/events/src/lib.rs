//! Events that are never lost, though the bus may lose them.
//!
//! A service writes an [`Outbox`] row in the transaction of the change. One
//! [`Relay`] per schema gives the rows gapless positions and publishes them on a
//! [`Bus`]. A [`Consumer`] stores its cursor in the transaction of the effect and
//! reads what it missed from the owner's log ([`LogServer`]). A [`Follower`] does
//! the same without a database, from now on.
//!
//! The tables (`outbox`, `outbox_head`, `event_cursor`) are in the schema of the
//! service; its first migration makes them.

mod bus;
mod bus_config;
mod consumer;
mod cursor;
mod follower;
mod log;
mod memory;
mod outbox;
mod reader;
mod redis_bus;
mod relay;

pub use bus::{Bus, BusError, Signal, Subscription};
pub use bus_config::Config;
pub use consumer::{Consumer, Handler};
pub use follower::{Follower, Listener};
pub use log::LogServer;
pub use memory::MemoryBus;
pub use outbox::{NewEvent, Outbox};
pub use proto::events::v1::Event;
pub use reader::LogReader;
pub use redis_bus::RedisBus;
pub use relay::Relay;

/// The bus channel of a service's events.
pub fn channel(source: &str) -> String {
    format!("atencion.v1.{source}")
}
