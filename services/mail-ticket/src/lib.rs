//! Mailboxes, tickets that their mails become, and the bots of Synology Chat.
//!
//! It promises that a mail that was taken is not lost and takes effect once,
//! however often it is handed in; that nobody joins a ticket by knowing its number;
//! that the secrets of a mailbox are encrypted at rest, leave it only for whoever
//! may have them, and never without an audit record.

mod audit;
mod config;
pub mod demo;
mod error;
mod events;
mod intake;
mod mail;
mod mailboxes;
mod notices;
mod people;
mod synology_bots;
mod tickets;

use std::sync::Arc;

use ::events::LogServer;
use chassis::{Service, Task, grpc::LARGEST_MESSAGE};
use host::{Host, Spec};
use idempotency::Keys;
use proto::mail::v1::{
    intake_service_server::IntakeServiceServer, mailbox_service_server::MailboxServiceServer,
    synology_bot_service_server::SynologyBotServiceServer,
};
use sqlx::migrate::Migrator;

pub use config::{Config, System};
pub use error::Error;
pub use synology_bots::answer_at;

/// The name in the call graph.
const NAME: &str = "mail-ticket";

/// The schema this service owns.
const SCHEMA: &str = "mail";

/// The migrations of the schema.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What the service consists of.
pub fn spec() -> Spec<Config> {
    Spec {
        name: NAME,
        schema: SCHEMA,
        section: "mail",
        port: 7006,
        http_port: None,
        migrator: &MIGRATOR,
        build: |config, host| Box::pin(async move { build(&config, &host) }),
    }
}

fn build(config: &Config, host: &Host) -> anyhow::Result<Service> {
    let sealer = sealing::Sealer::new("mail.encryption_keys", &config.encryption_keys)?;
    let mailboxes = mailboxes::Mailboxes {
        pool: host.pool.clone(),
        sealer: sealer.clone(),
        clock: host.clock.clone(),
    };
    let keys = Keys::new(SCHEMA, sealer.clone());
    let intake = intake::Intake {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
        systems: Arc::new(config.systems.clone()),
        keys: keys.clone(),
    };
    let bots = synology_bots::Bots::new(
        host.pool.clone(),
        sealer,
        host.clock.clone(),
        host.upstreams.identity.clone(),
        host.tokens.clone(),
    )?;
    let taking =
        IntakeServiceServer::new(intake.clone()).max_decoding_message_size(LARGEST_MESSAGE);
    let routes = tonic::service::Routes::new(MailboxServiceServer::new(mailboxes))
        .add_service(taking)
        .add_service(SynologyBotServiceServer::new(bots))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    let forgetting = keys.clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    Ok(Service {
        name: NAME,
        routes,
        tasks: vec![
            host.relay(),
            host.consume("identity", events::Users),
            host.consume("tenancy-admin", events::Companies),
            Task::new("stored-mails", intake.work(host.stop.clone())),
            Task::new("old-keys", forgetting),
        ],
        http: None,
    })
}
