//! The whole system in one process: the six services and the edge, a private
//! PostgreSQL when none is configured, and the command line of small
//! installations.
//!
//! It owns nothing. Every service is built by the same function and called
//! through the same layered gRPC routes as in a process of its own.

mod command;
mod config;
mod database;
mod demo;
mod secrets;
mod system;
mod welcome;

pub use command::main;
