//! Mail-ticket through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod demo;
mod mailboxes;
mod rig;
