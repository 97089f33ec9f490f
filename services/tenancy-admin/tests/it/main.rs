//! Tenancy-admin through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod accesses;
mod bitacora;
mod companies;
mod days;
mod demo;
mod rig;
