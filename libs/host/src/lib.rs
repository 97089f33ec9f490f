//! What the binary of every service is made of: its settings, the things it is
//! wired to, and its subcommands.
//!
//! A service gives a [`Spec`]; [`main`] does the rest. `standalone` builds the
//! same [`Host`] for each service and runs them in one process.

mod command;
mod http;
mod serve;
mod settings;

use std::{pin::Pin, sync::Arc};

use auth::{ContextKeys, ServiceTokens};
use chassis::{Clock, Service, Stop, Task};
use events::{Bus, LogReader, Relay};
use sqlx::{PgPool, migrate::Migrator};

pub use command::{Arguments, Subcommand, health, main, report, run, with_database};
pub use http::serve_http;
pub use serve::serve_grpc;
pub use settings::{Process, Settings, UpstreamUris, Upstreams, bus};

/// How long events stay in the log.
const KEEP_EVENTS: time::Duration = time::Duration::days(7);

/// What a service consists of, before anything runs.
pub struct Spec<C> {
    /// The name in the call graph, such as `conversation`.
    pub name: &'static str,
    /// The schema it owns.
    pub schema: &'static str,
    /// The section of its own settings.
    pub section: &'static str,
    /// The port its gRPC server listens on unless configured.
    pub port: u16,
    /// The port its public HTTP routes listen on unless configured, if it has any.
    pub http_port: Option<u16>,
    /// Its migrations.
    pub migrator: &'static Migrator,
    /// Builds it. The database answers and is migrated by then.
    pub build: Build<C>,
}

/// Builds a service from its settings and what it is wired to.
pub type Build<C> = fn(C, Host) -> Pin<Box<dyn Future<Output = anyhow::Result<Service>> + Send>>;

/// What a service is wired to.
#[derive(Clone)]
pub struct Host {
    /// The name of the service.
    pub name: &'static str,
    /// The schema it owns.
    pub schema: &'static str,
    /// The time.
    pub clock: Clock,
    /// Connections to its database.
    pub pool: PgPool,
    /// The event bus.
    pub bus: Bus,
    /// The other services.
    pub upstreams: Upstreams,
    /// Its own context tokens, to call them with.
    pub tokens: ServiceTokens,
    /// The keys of context tokens.
    pub context: Arc<ContextKeys>,
    /// The signals to stop.
    pub stop: Stop,
}

impl Host {
    /// The log of another service.
    pub fn log_of(&self, source: &'static str) -> LogReader {
        LogReader::new(source, self.upstreams.of(source), self.tokens.clone())
    }

    /// The task that relays the events of this service.
    pub fn relay(&self) -> Task {
        let relay = Relay::new(
            self.name,
            self.schema,
            self.pool.clone(),
            self.bus.clone(),
            self.clock.clone(),
            KEEP_EVENTS,
        );
        Task::new("relay", relay.run(self.stop.clone()))
    }

    /// The task that consumes the events of `source` as this service.
    pub fn consume(&self, source: &'static str, handler: impl events::Handler) -> Task {
        let consumer = events::Consumer::new(
            self.name,
            self.schema,
            self.log_of(source),
            self.pool.clone(),
            self.bus.clone(),
            handler,
        );
        Task::new("consumer", consumer.run(self.stop.clone()))
    }
}
