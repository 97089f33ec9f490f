//! The documented REST API in front of the gRPC services: routes, credentials,
//! envelopes, Spanish sentences, and how input is read.
//!
//! The edge keeps nothing but caches. A row of [`table`] says everything about an
//! operation except what its handler does; `envelope` alone knows the shapes of
//! answers, `errors` turns the refusals of services into the documented
//! sentences.

mod access_log;
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
use chassis::{Clock, Stop, Task};
use host::Upstreams;
use tokio::sync::Semaphore;

pub use config::Config;
pub use credentials::Guard;
#[cfg(feature = "fuzz")]
pub use input::exercise;
pub use limits::Limits;

/// The edge, built and not running.
pub struct Edge {
    /// The whole API.
    pub router: Router,
    /// What runs beside it: until the stop, or until some time after the router and
    /// all its clones are dropped. Without it everything works, identity is asked
    /// about every token, and the access log is empty.
    pub tasks: Vec<Task>,
    /// What checks the credentials of every request.
    pub guard: Arc<Guard>,
}

/// What all requests share.
struct App {
    access_log: access_log::AccessLog,
    upstreams: Upstreams,
    tokens: Arc<tokens::Tokens>,
    guard: Arc<Guard>,
    bitacora: bitacora::Bitacora,
    proxies: client_ip::Proxies,
    cors: pipeline::Cors,
    limits: limits::Buckets,
    quotas: limits::Quotas,
    /// A place for every request that may be under way.
    places: Semaphore,
    public_url: String,
    deadline: Duration,
}

/// Builds the API. `context` must hold the signing key of the edge. Nothing is
/// asked of the upstreams until the tasks run or the first request comes.
pub fn build(
    config: Config,
    upstreams: Upstreams,
    context: &ContextKeys,
    clock: Clock,
    stop: &Stop,
) -> anyhow::Result<Edge> {
    anyhow::ensure!(
        (1..=60).contains(&config.request_seconds),
        "edge.request_seconds must be 1 to 60"
    );
    anyhow::ensure!(
        (1..=65_536).contains(&config.requests_at_once),
        "edge.requests_at_once must be 1 to 65536"
    );
    let public_url = config.public_url.trim_end_matches('/').to_owned();
    anyhow::ensure!(
        ["http://", "https://"]
            .iter()
            .any(|scheme| public_url.len() > scheme.len() && public_url.starts_with(scheme)),
        "edge.public_url must be an address such as https://api.example.com"
    );
    let tokens = Arc::new(tokens::Tokens::new(context, clock.clone())?);
    let bitacora = bitacora::Bitacora::new(
        Arc::clone(&tokens),
        upstreams.tenancy_admin.clone(),
        bitacora::own_range(),
    );
    let (access_log, mut tasks) = access_log::AccessLog::new(
        &config,
        clock.clone(),
        Arc::clone(&tokens),
        upstreams.tenancy_admin.clone(),
        bitacora.clone(),
    )?;
    let quotas = limits::Quotas::new(&config.limits, clock.clone());
    let guard = Arc::new(Guard::new(
        upstreams.identity.clone(),
        Arc::clone(&tokens),
        config.audience,
        clock,
    ));
    tasks.extend(guard.tasks(stop));
    let app = Arc::new(App {
        access_log,
        bitacora,
        tokens,
        guard: Arc::clone(&guard),
        upstreams,
        proxies: client_ip::Proxies::new(&config.trusted_proxies)?,
        cors: pipeline::Cors::new(&config.cors_origins)?,
        limits: limits::Buckets::new(config.limits),
        quotas,
        places: Semaphore::new(config.requests_at_once),
        public_url,
        deadline: Duration::from_secs(config.request_seconds),
    });
    let router = routes::mount(&app)?;
    Ok(Edge {
        router,
        tasks,
        guard,
    })
}
