//! The edge against upstreams of the tests' own: what a REST client sees.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on ends its test"
)]

mod bitacora;
mod broadcast;
mod channels;
mod credentials;
mod fakes;
mod harness;
mod input;
mod limits;
mod replay;
mod shapes;
mod sockets;
mod sso;
mod table;
mod webhooks;
