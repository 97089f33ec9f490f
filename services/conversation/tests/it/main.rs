//! Conversation through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod delivery;
mod guests;
mod identities;
mod ingest;
mod listing;
mod media;
mod permutations;
mod reading;
mod replicas;
mod rig;
mod sending;
mod starting;
mod visibility;
