//! Users, their passwords and sessions, API clients and the keys that sign access
//! tokens.
//!
//! It promises that a token is good only while its session, its user, company and
//! API client are, whether it is judged from the database or by a replica that
//! follows the revocation log; that secrets and passwords
//! are compared in the same time whether they are known or not; and that no
//! secret is stored in clear.

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
mod tokens;
mod users;

use std::sync::Arc;

use ::events::LogServer;
use chassis::{Service, Task};
use host::{Host, Spec};
use proto::identity::v1::{
    authentication_service_server::AuthenticationServiceServer,
    key_service_server::KeyServiceServer, revocation_service_server::RevocationServiceServer,
    session_service_server::SessionServiceServer,
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
    let (head, hear_revocations) = revocations::follow(host.pool.clone());
    let tokens = Arc::new(tokens::Tokens::new(Arc::clone(&keys), &config.pepper));
    let judge = Arc::new(sessions::Judge {
        pool: host.pool.clone(),
        tokens: Arc::clone(&tokens),
        used: used.clone(),
        clock: host.clock.clone(),
    });
    let opener = Arc::new(sessions::Opener {
        pool: host.pool.clone(),
        tokens: Arc::clone(&tokens),
        lifetimes: config.lifetimes(),
        clock: host.clock.clone(),
    });
    let authentication = authentication::Authenticator {
        pool: host.pool.clone(),
        macs: clients::SecretMac::new(&config.pepper)?,
        judge: Arc::clone(&judge),
        secrets: service_secrets::ServiceSecrets::new(&config)?,
        signer: auth::ContextSigner::new(&host.context, host.clock.clone())?,
        clock: host.clock.clone(),
    };
    let longest = config.lifetimes().longest();
    let revocations = revocations::RevocationDesk {
        pool: host.pool.clone(),
        head,
        judge: Arc::clone(&judge),
        used,
        longest,
        clock: host.clock.clone(),
        stop: host.stop.clone(),
    };
    let sessions = sessions::Sessions {
        pool: host.pool.clone(),
        passwords,
        opener,
        judge,
        tokens,
        clock: host.clock.clone(),
    };
    let follow_tenancy = companies::FollowTenancy {
        longest,
        clock: host.clock.clone(),
    };
    let schedule = keys::Schedule {
        every: config.key_rotation(),
        longest,
    };
    let (pool, clock, stop) = (&host.pool, &host.clock, &host.stop);
    let cleaning = sessions::clean(pool.clone(), clock.clone(), stop.clone());
    let idle = sessions::end_unused(pool.clone(), clock.clone(), stop.clone());
    let forgetting = revocations::forget(pool.clone(), clock.clone(), stop.clone());
    let routes = tonic::service::Routes::new(AuthenticationServiceServer::new(authentication))
        .add_service(SessionServiceServer::new(sessions))
        .add_service(RevocationServiceServer::new(revocations))
        .add_service(KeyServiceServer::new(keys::KeyDirectory::new(
            host.pool.clone(),
            config.issuer.clone(),
            host.clock.clone(),
        )))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    Ok(Service {
        name: NAME,
        routes,
        tasks: vec![
            host.relay(),
            host.consume("tenancy-admin", follow_tenancy),
            Task::new("session-use", note_use.run(host.stop.clone())),
            Task::new("session-cleaning", cleaning),
            Task::new("session-disuse", idle),
            Task::new("revocation-feed", hear_revocations.run(host.stop.clone())),
            Task::new("revocation-cleaning", forgetting),
            Task::new(
                "key-rotation",
                keys::rotate(keys, schedule, host.stop.clone()),
            ),
        ],
        http: None,
    })
}
