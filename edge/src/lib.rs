//! The documented REST API in front of the gRPC services: routes, credentials,
//! envelopes, Spanish sentences, and how input is read.
//!
//! The edge keeps nothing but caches. A row of [`table`] says everything about an
//! operation except what its handler does; `envelope` alone knows the shapes of
//! answers, `errors` turns the refusals of services into the documented
//! sentences.

mod bitacora;
mod client_ip;
mod config;
mod credentials;
mod docs;
mod envelope;
mod errors;
mod exchange;
mod input;
mod limits;
mod pipeline;
mod routes;
pub mod table;
mod tokens;

use std::{sync::Arc, time::Duration};

use auth::ContextKeys;
use axum::Router;
use chassis::Clock;
use host::Upstreams;

pub use config::Config;
pub use limits::Limits;
pub use routes::NOT_SERVED_YET;

/// What all requests share.
struct App {
    upstreams: Upstreams,
    tokens: Arc<tokens::Tokens>,
    bitacora: bitacora::Bitacora,
    proxies: client_ip::Proxies,
    cors: pipeline::Cors,
    limits: limits::Buckets,
    quotas: limits::Quotas,
    deadline: Duration,
}

/// The router of the whole API. `context` must hold the signing key of the edge.
/// Nothing is asked of the upstreams until the first request.
pub fn router(
    config: Config,
    upstreams: Upstreams,
    context: &ContextKeys,
    clock: Clock,
) -> anyhow::Result<Router> {
    anyhow::ensure!(
        (1..=60).contains(&config.request_seconds),
        "edge.request_seconds must be 1 to 60"
    );
    let own_range = bitacora::own_range(&clock);
    let quotas = limits::Quotas::new(&config.limits, clock.clone());
    let tokens = Arc::new(tokens::Tokens::new(context, clock)?);
    let app = Arc::new(App {
        bitacora: bitacora::Bitacora::new(
            Arc::clone(&tokens),
            upstreams.tenancy_admin.clone(),
            own_range,
        ),
        tokens,
        upstreams,
        proxies: client_ip::Proxies::new(&config.trusted_proxies)?,
        cors: pipeline::Cors::new(&config.cors_origins)?,
        limits: limits::Buckets::new(config.limits),
        quotas,
        deadline: Duration::from_secs(config.request_seconds),
    });
    routes::mount(&app)
}
