//! Users, their passwords and sessions, API clients and the keys that sign access
//! tokens.
//!
//! It promises that a token is good only while its session, its user and their
//! epoch are, judged from the database at every use; that secrets and passwords
//! are compared in the same time whether they are known or not; and that no
//! secret is stored in clear.

pub mod access;
mod authentication;
mod clients;
pub mod commands;
mod companies;
mod config;
pub mod demo;
mod error;
mod events;
mod internal_users;
mod keys;
mod password;
mod pictures;
mod pins;
mod products;
mod revocations;
mod security_events;
mod service_secrets;
mod sessions;
mod tokens;
mod users;

use std::{sync::Arc, time::Duration};

use ::events::LogServer;
use chassis::{Service, Task};
use host::{Host, Spec};
use proto::identity::v1::{
    authentication_service_server::AuthenticationServiceServer,
    key_service_server::KeyServiceServer, session_service_server::SessionServiceServer,
    user_service_server::UserServiceServer,
};
use sqlx::migrate::Migrator;

pub use config::Config;
pub use pictures::Settings as PictureSettings;

/// The name in the call graph.
const NAME: &str = "identity";

/// The schema this service owns.
const SCHEMA: &str = "identity";

/// The migrations of the schema.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What the service consists of.
pub fn spec() -> Spec<Config> {
    Spec {
        name: NAME,
        schema: SCHEMA,
        section: "identity",
        port: 7001,
        http_port: None,
        migrator: &MIGRATOR,
        build: |config, host| Box::pin(build(config, host)),
    }
}

async fn build(config: Config, host: Host) -> anyhow::Result<Service> {
    config.check()?;
    let keys = Arc::new(keys::KeyRing::open(&host.pool, &config, host.clock.clone()).await?);
    let passwords = password::PasswordHasher::start(config.hash_threads())?;
    let (used, note_use) = sessions::usage(host.pool.clone());
    let authentication = authentication::Authenticator {
        pool: host.pool.clone(),
        macs: clients::SecretMac::new(&config.pepper)?,
        keys: Arc::clone(&keys),
        secrets: service_secrets::ServiceSecrets::new(&config)?,
        signer: auth::ContextSigner::new(&host.context, host.clock.clone())?,
        used,
        clock: host.clock.clone(),
    };
    let pictures =
        pictures::Pictures::open(&config.pictures, host.pool.clone(), host.clock.clone())?;
    let users = users::Users {
        pool: host.pool.clone(),
        passwords: passwords.clone(),
        pictures: pictures.clone(),
        macs: clients::SecretMac::new(&config.pepper)?,
        longest_session: config.lifetimes().device.total,
        clock: host.clock.clone(),
    };
    let sweep_every = Duration::from_secs(config.pictures.sweep_seconds);
    let sessions = sessions::Sessions {
        pool: host.pool.clone(),
        passwords,
        keys: Arc::clone(&keys),
        lifetimes: config.lifetimes(),
        clock: host.clock.clone(),
    };
    let cleaning = sessions::clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    let routes = tonic::service::Routes::new(AuthenticationServiceServer::new(authentication))
        .add_service(SessionServiceServer::new(sessions))
        .add_service(UserServiceServer::new(users))
        .add_service(KeyServiceServer::new(keys::KeyDirectory::new(
            host.pool.clone(),
            host.clock.clone(),
        )))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    Ok(Service {
        name: NAME,
        routes,
        tasks: vec![
            host.relay(),
            host.consume("tenancy-admin", companies::FollowTenancy),
            Task::new("session-use", note_use.run(host.stop.clone())),
            Task::new("session-cleaning", cleaning),
            Task::new(
                "picture-sweep",
                pictures::sweep(pictures, sweep_every, host.stop.clone()),
            ),
        ],
        http: None,
    })
}
