//! Identity through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod adi;
mod api_clients;
mod authentication;
mod callers;
mod changes;
mod commands;
mod companies;
mod creation;
mod demo;
mod guessing;
mod keys;
mod lists;
mod login;
mod matrix;
mod people;
mod pictures;
mod pins;
mod refresh;
mod repetitions;
mod resets;
mod revocations;
mod rig;
mod room;
#[expect(dead_code, reason = "the tests of the formats need more of it")]
#[path = "../../src/pictures/format/samples.rs"]
mod samples;
mod service_tokens;
mod sso;
mod staff;
mod upgrades;
