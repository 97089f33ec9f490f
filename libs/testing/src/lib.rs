//! For tests only: strict doubles of the providers the system talks to.

pub mod graph;
mod loopback;
mod opaque;
mod recorder;
pub mod telegram;

pub use graph::FakeGraph;
pub use telegram::FakeTelegram;
