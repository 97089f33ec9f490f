//! Keys against a real PostgreSQL: a shop sells one thing per request.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on ends its test"
)]

mod forgetting;
mod repeating;
mod shop;
