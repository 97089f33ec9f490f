//! How a process runs: configuration, telemetry, lifecycle, the gRPC layer
//! stack, calls to other services whether local or remote, error codes, clock.
//!
//! Nothing here knows a noun of the product.

pub mod clock;
pub mod code;
pub mod config;
pub mod crash;
pub mod grpc;
pub mod lifecycle;
pub mod telemetry;
pub mod upstream;

pub use clock::Clock;
pub use code::{ErrorCode, Failure, FieldViolation};
pub use lifecycle::{Lifecycle, Stop, Task};
pub use upstream::{LocalSlot, Upstream};

/// What a service hands to whoever runs it: its gRPC routes, its background
/// tasks and, for the one that owns sockets, its public HTTP routes.
pub struct Service {
    /// The name in the call graph, such as `conversation`.
    pub name: &'static str,
    /// The gRPC services, not yet behind the layer stack.
    pub routes: tonic::service::Routes,
    /// What runs beside the server until it is told to stop.
    pub tasks: Vec<Task>,
    /// Public HTTP routes of the service's own listener.
    pub http: Option<axum::Router>,
}
