//! Users, their passwords and sessions, API clients and the keys that sign access
//! tokens.
//!
//! It promises that a token is good only while its session, its user and their
//! epoch are, judged from the database at every use; that secrets and passwords
//! are compared in the same time whether they are known or not; and that no
//! secret is stored in clear.

mod adi;
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
mod pins;
mod products;
mod revocations;
mod security_events;
mod service_secrets;
mod sessions;
mod sso;
mod tokens;
mod users;
mod wire;

use std::sync::Arc;

use ::events::LogServer;
use chassis::{Service, Task};
use host::{Host, Spec};
use proto::identity::v1::{
    adi_service_server::AdiServiceServer, api_client_service_server::ApiClientServiceServer,
    authentication_service_server::AuthenticationServiceServer,
    internal_user_service_server::InternalUserServiceServer, key_service_server::KeyServiceServer,
    session_service_server::SessionServiceServer, sso_service_server::SsoServiceServer,
};
use sqlx::migrate::Migrator;

pub use config::Config;

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
    let clients_used = clients::ClientUsage::default();
    let authentication = authentication::Authenticator {
        pool: host.pool.clone(),
        macs: clients::SecretMac::new(&config.pepper)?,
        keys: Arc::clone(&keys),
        secrets: service_secrets::ServiceSecrets::new(&config)?,
        signer: auth::ContextSigner::new(&host.context, host.clock.clone())?,
        used,
        clients_used: clients_used.clone(),
        clock: host.clock.clone(),
    };
    let sessions = Arc::new(sessions::Sessions {
        pool: host.pool.clone(),
        passwords,
        keys: Arc::clone(&keys),
        lifetimes: config.lifetimes(),
        clock: host.clock.clone(),
    });
    let sso = sso::Sso {
        pool: host.pool.clone(),
        sessions: Arc::clone(&sessions),
    };
    let adi = adi::Adi {
        pool: host.pool.clone(),
        macs: clients::SecretMac::new(&config.pepper)?,
        clock: host.clock.clone(),
    };
    let staff = internal_users::Staff {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
    };
    let register = clients::ClientRegister::new(host.pool.clone(), &config, host.clock.clone())?;
    let cleaning = sessions::clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    let handover_cleaning = adi::clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    let note_client_use = clients::note_use(clients_used, host.pool.clone(), host.stop.clone());
    let routes = tonic::service::Routes::new(AuthenticationServiceServer::new(authentication))
        .add_service(SessionServiceServer::from_arc(sessions))
        .add_service(SsoServiceServer::new(sso))
        .add_service(AdiServiceServer::new(adi))
        .add_service(ApiClientServiceServer::new(register))
        .add_service(InternalUserServiceServer::new(staff))
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
            Task::new("client-use", note_client_use),
            Task::new("handover-cleaning", handover_cleaning),
        ],
        http: None,
    })
}
