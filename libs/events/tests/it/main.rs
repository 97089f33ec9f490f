//! The event machinery against a real PostgreSQL and a real Redis.

mod bus;
mod pipeline;
