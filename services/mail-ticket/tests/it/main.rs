//! Mail-ticket through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod bots;
mod contents;
mod demo;
mod mailboxes;
mod people;
mod rig;
mod saving;
mod threads;
mod unfinished;
