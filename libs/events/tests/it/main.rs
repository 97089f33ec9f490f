//! The event machinery against a real PostgreSQL and a real Redis.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where"
)]

mod bus;
mod pipeline;
mod trouble;
