//! The service through its real sockets and its gRPC surface, on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod apps;
mod channels;
mod client;
mod connections;
mod conversations;
mod js;
mod presence;
mod publishing;
mod world;
