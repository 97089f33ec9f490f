//! Guests and their identities, chats, participants, messages and read marks.
//!
//! It promises that whatever providers report takes effect exactly once and with
//! the same outcome in any order; that a guest has one open chat on a channel;
//! that what was answered is stored together with the events about it; and that
//! a chat a user may not see does not exist for the user.

mod agents;
mod chats;
mod config;
mod delivery;
mod error;
mod events;
mod guests;
mod ingest;
mod messages;
mod phone;
mod wiring;

use ::events::{LogServer, Outbox};
use chassis::{Service, Task, grpc::LARGEST_MESSAGE};
use host::{Host, Spec};
use idempotency::Keys;
use proto::conversation::v1::{
    chat_service_server::ChatServiceServer, guest_service_server::GuestServiceServer,
    ingest_service_server::IngestServiceServer,
};
use sqlx::migrate::Migrator;

pub use config::Config;

use crate::{
    chats::ChatDesk,
    guests::{GuestDesk, GuestTokens},
    ingest::IngestDesk,
    wiring::Wiring,
};

/// The name in the call graph.
const NAME: &str = "conversation";

/// The schema this service owns.
const SCHEMA: &str = "conversation";

/// The only service that reports from providers.
const CONNECTOR: &str = "channel-connector";

/// The migrations of the schema.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What the service consists of.
pub fn spec() -> Spec<Config> {
    Spec {
        name: NAME,
        schema: SCHEMA,
        section: "conversation",
        port: 7003,
        http_port: None,
        migrator: &MIGRATOR,
        build: |config, host| Box::pin(std::future::ready(build(&config, &host))),
    }
}

fn build(config: &Config, host: &Host) -> anyhow::Result<Service> {
    config.check()?;
    let keys = Keys::new(SCHEMA, config.sealer()?);
    let wiring = Wiring {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        outbox: Outbox::new(SCHEMA),
        tokens: GuestTokens::new(&config.guest_token_key),
        keys: keys.clone(),
    };
    let ingest = IngestServiceServer::new(IngestDesk(wiring.clone()))
        .max_decoding_message_size(LARGEST_MESSAGE);
    let routes = tonic::service::Routes::new(ingest)
        .add_service(ChatServiceServer::new(ChatDesk(wiring.clone())))
        .add_service(GuestServiceServer::new(GuestDesk(wiring)))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    let cleaning = delivery::clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    let forgetting = keys.clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    Ok(Service {
        name: NAME,
        routes,
        tasks: vec![
            host.relay(),
            host.consume("identity", events::Users),
            host.consume("tenancy-admin", events::Departments),
            Task::new("parked-news-cleaning", cleaning),
            Task::new("old-keys", forgetting),
        ],
        http: None,
    })
}
