//! The edge against upstreams of the tests' own: what a REST client sees.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on ends its test"
)]

mod access_log;
mod administration;
mod auth;
mod bitacora;
mod broadcast;
mod channels;
mod credentials;
mod docs;
mod fakes;
mod harness;
mod input;
mod legacy;
mod limits;
mod living;
mod mail;
mod media;
mod packing;
mod passwords;
mod pictures;
mod repetitions;
mod replay;
mod revocation;
mod shapes;
mod sockets;
mod sso;
mod table;
mod users;
mod webhooks;
