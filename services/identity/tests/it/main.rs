//! Identity through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod authentication;
mod commands;
mod companies;
mod demo;
mod keys;
mod login;
mod refresh;
mod revocations;
mod rig;
mod service_tokens;
