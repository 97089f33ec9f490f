//! The whole system as its users meet it, started as real processes: all in one,
//! or one by one with Redis and gRPC over TCP between them.

mod agent;
mod api;
mod crash;
mod grpc;
mod path;
mod readme;
mod refusals;
mod samples;
mod storage;
mod world;
