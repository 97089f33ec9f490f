//! Tenancy-admin through its gRPC interface, on a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails with the test")]

mod accesses;
mod bitacora;
mod companies;
mod crashes;
mod creation;
mod days;
mod deletion;
mod demo;
mod departments;
mod faqs;
mod holidays;
mod identity;
mod keys;
mod nonsense;
mod plans;
mod rig;
mod rights;
