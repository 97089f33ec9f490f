//! Identity through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod authentication;
mod callers;
mod commands;
mod companies;
mod demo;
mod guessing;
mod login;
mod pins;
mod resets;
mod rig;
mod service_tokens;
mod upgrades;
