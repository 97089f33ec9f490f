//! For tests only: servers of their own, and strict doubles of the providers the system talks to.

mod environment;
pub mod graph;
pub mod js;
mod loopback;
mod opaque;
mod recorder;
pub mod samples;
pub mod servers;
pub mod synology;
pub mod telegram;

pub use environment::{database_url, redis_url};
pub use graph::FakeGraph;
pub use synology::FakeSynology;
pub use telegram::FakeTelegram;
