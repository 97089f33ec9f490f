//! The service through its gRPC clients, on a real PostgreSQL, between strict
//! doubles of the providers and of the services it calls.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod batches;
mod bots;
mod channels;
mod delivery;
mod doubts;
mod fakes;
mod files;
mod guest_files;
mod ordering;
mod orphans;
mod pressure;
mod repetitions;
mod rig;
mod samples;
mod sending;
mod together;
mod webhooks;
