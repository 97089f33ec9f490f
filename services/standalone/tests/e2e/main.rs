//! The whole system as its users meet it, started as real processes: all in one,
//! or one by one with Redis and gRPC over TCP between them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where"
)]

mod agent;
mod api;
mod bitacora;
mod contract;
mod crash;
mod description;
mod grpc;
mod idempotency;
mod logins;
mod mail;
mod matrix;
mod page;
mod path;
mod pictures;
mod readme;
mod recovery;
mod refusals;
mod revocation;
mod samples;
mod storage;
mod world;
