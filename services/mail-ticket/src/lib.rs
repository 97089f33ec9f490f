//! Mailboxes whose mail becomes tickets, and the bots of Synology Chat.
//!
//! It promises that the secrets of a mailbox are encrypted at rest, leave it only
//! for whoever may have them, and never without an audit record.

mod audit;
mod config;
pub mod demo;
mod error;
mod mailboxes;
mod synology_bots;

use ::events::LogServer;
use chassis::Service;
use host::{Host, Spec};
use proto::mail::v1::mailbox_service_server::MailboxServiceServer;
use sqlx::migrate::Migrator;

pub use config::Config;

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
    let mailboxes = mailboxes::Mailboxes {
        pool: host.pool.clone(),
        sealer: sealing::Sealer::new("mail.encryption_keys", &config.encryption_keys)?,
        clock: host.clock.clone(),
    };
    let routes = tonic::service::Routes::new(MailboxServiceServer::new(mailboxes))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    Ok(Service {
        name: NAME,
        routes,
        tasks: vec![host.relay()],
        http: None,
    })
}
