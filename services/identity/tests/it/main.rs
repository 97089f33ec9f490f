//! Identity through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod adi;
mod api_clients;
mod authentication;
mod commands;
mod companies;
mod demo;
mod login;
mod rig;
mod service_tokens;
mod sso;
mod staff;
