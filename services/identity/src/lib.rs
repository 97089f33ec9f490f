//! Users, their passwords and sessions, API clients and the keys that sign access
//! tokens.
//!
//! It promises that a token is good only while its session, its user, company and
//! API client are, whether it is judged from the database or by a replica that
//! follows the revocation log; that secrets and passwords
//! are compared in the same time whether they are known or not; and that no
//! secret is stored in clear.

pub mod access;
mod adi;
mod authentication;
mod clients;
pub mod commands;
mod companies;
mod config;
pub mod demo;
mod error;
mod events;
mod guessing;
mod internal_users;
mod keys;
mod password;
mod password_service;
mod pictures;
mod pins;
mod products;
mod resets;
mod revocations;
mod security_events;
mod service_secrets;
mod sessions;
mod sso;
mod tokens;
mod users;
mod wire;

use std::{sync::Arc, time::Duration};

use ::events::LogServer;
use chassis::{Service, Task};
use host::{Host, Spec};
use proto::identity::v1::{
    adi_service_server::AdiServiceServer, api_client_service_server::ApiClientServiceServer,
    authentication_service_server::AuthenticationServiceServer,
    internal_user_service_server::InternalUserServiceServer, key_service_server::KeyServiceServer,
    password_service_server::PasswordServiceServer,
    revocation_service_server::RevocationServiceServer,
    session_service_server::SessionServiceServer, sso_service_server::SsoServiceServer,
    user_service_server::UserServiceServer,
};
use sqlx::migrate::Migrator;
use tonic::service::Routes;

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
    let macs = clients::SecretMac::new(&config.pepper)?;
    let guessing = guessing::Guessing::new(
        host.pool.clone(),
        macs.clone(),
        host.bus.redis(),
        config.guessing(),
        host.clock.clone(),
    );
    let (upgrades, store_anew) =
        password::upgrades(host.pool.clone(), passwords.clone(), host.clock.clone());
    let (used, note_use) = sessions::usage(host.pool.clone());
    let (head, hear_revocations) = revocations::follow(host.pool.clone());
    let (tokens, judge, opener) = sessions_of(&config, &host, Arc::clone(&keys), used.clone());
    let clients_used = clients::ClientUsage::default();
    let authentication = authentication::Authenticator {
        pool: host.pool.clone(),
        macs: macs.clone(),
        judge: Arc::clone(&judge),
        secrets: service_secrets::ServiceSecrets::new(&config)?,
        signer: auth::ContextSigner::new(&host.context, host.clock.clone())?,
        clients_used: clients_used.clone(),
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
    let once = repetitions(&config)?;
    let password_service = password_service(
        &config,
        &host,
        &once,
        macs.clone(),
        passwords.clone(),
        guessing.clone(),
    )?;
    let make_links = password_service.resets.making.clone();
    let (users, picture_sweep) = users_of(&config, &host, &once, macs.clone(), passwords.clone())?;
    let macs_of_systems = macs.clone();
    let sessions = Arc::new(sessions::Sessions {
        pool: host.pool.clone(),
        passwords,
        upgrades,
        guessing,
        macs,
        opener,
        judge,
        tokens,
        clock: host.clock.clone(),
    });
    let sso = sso::Sso {
        pool: host.pool.clone(),
        sessions: Arc::clone(&sessions),
    };
    let clock = host.clock.clone();
    let follow_tenancy = companies::FollowTenancy { longest, clock };
    let schedule = keys::Schedule {
        every: config.key_rotation(),
        longest,
    };
    let routes = Routes::new(AuthenticationServiceServer::new(authentication))
        .add_service(SessionServiceServer::from_arc(sessions))
        .add_service(RevocationServiceServer::new(revocations))
        .add_service(PasswordServiceServer::new(password_service))
        .add_service(UserServiceServer::new(users))
        .add_service(SsoServiceServer::new(sso))
        .add_service(LogServer::new(NAME, SCHEMA, host.pool.clone()));
    let routes = with_registers(routes, &config, &host, &once, macs_of_systems)?;
    let stop = || host.stop.clone();
    let note_clients = clients::note_use(clients_used, host.pool.clone(), stop());
    let mut tasks = vec![
        host.relay(),
        host.consume("tenancy-admin", follow_tenancy),
        Task::new("session-use", note_use.run(stop())),
        Task::new("revocation-feed", hear_revocations.run(stop())),
        Task::new("key-rotation", keys::rotate(keys, schedule, stop())),
        Task::new("password-upgrade", store_anew.run(stop())),
        Task::new("reset-links", make_links.run(stop())),
        Task::new("client-use", note_clients),
        picture_sweep,
    ];
    tasks.extend(cleaners(&host, once));
    Ok(Service {
        name: NAME,
        routes,
        tasks,
        http: None,
    })
}

/// The requests that may be repeated.
fn repetitions(config: &Config) -> Result<idempotency::Keys, sealing::SealError> {
    let sealer = sealing::Sealer::new("identity.encryption_keys", &config.encryption_keys)?;
    Ok(idempotency::Keys::new(SCHEMA, sealer))
}

/// What opens sessions and judges their tokens.
fn sessions_of(
    config: &Config,
    host: &Host,
    keys: Arc<keys::KeyRing>,
    used: sessions::Usage,
) -> (
    Arc<tokens::Tokens>,
    Arc<sessions::Judge>,
    Arc<sessions::Opener>,
) {
    let tokens = Arc::new(tokens::Tokens::new(keys, &config.pepper));
    let judge = Arc::new(sessions::Judge {
        pool: host.pool.clone(),
        tokens: Arc::clone(&tokens),
        used,
        clock: host.clock.clone(),
    });
    let opener = Arc::new(sessions::Opener {
        pool: host.pool.clone(),
        tokens: Arc::clone(&tokens),
        lifetimes: config.lifetimes(),
        clock: host.clock.clone(),
    });
    (tokens, judge, opener)
}

/// What manages users, and the sweep of the pictures that nobody shows any more.
fn users_of(
    config: &Config,
    host: &Host,
    once: &idempotency::Keys,
    macs: clients::SecretMac,
    passwords: password::PasswordHasher,
) -> anyhow::Result<(users::Users, Task)> {
    let pictures =
        pictures::Pictures::open(&config.pictures, host.pool.clone(), host.clock.clone())?;
    let every = Duration::from_secs(config.pictures.sweep_seconds);
    let users = users::Users {
        pool: host.pool.clone(),
        passwords,
        pictures: pictures.clone(),
        macs,
        longest_session: config.lifetimes().longest(),
        clock: host.clock.clone(),
        idempotency: once.clone(),
    };
    let sweep = pictures::sweep(pictures, every, host.stop.clone());
    Ok((users, Task::new("picture-sweep", sweep)))
}

/// The services that keep lists: systems, API clients, internal users, keys.
fn with_registers(
    routes: Routes,
    config: &Config,
    host: &Host,
    once: &idempotency::Keys,
    macs: clients::SecretMac,
) -> anyhow::Result<Routes> {
    let adi = adi::Adi {
        pool: host.pool.clone(),
        macs,
        clock: host.clock.clone(),
        idempotency: once.clone(),
    };
    let staff = internal_users::Staff {
        pool: host.pool.clone(),
        clock: host.clock.clone(),
    };
    let register = clients::ClientRegister::new(host.pool.clone(), config, host.clock.clone())?;
    let keys =
        keys::KeyDirectory::new(host.pool.clone(), config.issuer.clone(), host.clock.clone());
    Ok(routes
        .add_service(AdiServiceServer::new(adi))
        .add_service(ApiClientServiceServer::new(register))
        .add_service(InternalUserServiceServer::new(staff))
        .add_service(KeyServiceServer::new(keys)))
}

/// What removes rows that nobody needs any more, and ends what was not used.
fn cleaners(host: &Host, once: idempotency::Keys) -> [Task; 7] {
    let (pool, clock, stop) = (
        || host.pool.clone(),
        || host.clock.clone(),
        || host.stop.clone(),
    );
    [
        Task::new("session-cleaning", sessions::clean(pool(), clock(), stop())),
        Task::new(
            "session-disuse",
            sessions::end_unused(pool(), clock(), stop()),
        ),
        Task::new(
            "revocation-cleaning",
            revocations::forget(pool(), clock(), stop()),
        ),
        Task::new("reset-cleaning", resets::clean(pool(), clock(), stop())),
        Task::new("origin-cleaning", guessing::clean(pool(), clock(), stop())),
        Task::new("handover-cleaning", adi::clean(pool(), clock(), stop())),
        Task::new("old-keys", once.clean(pool(), clock(), stop())),
    ]
}

fn password_service(
    config: &Config,
    host: &Host,
    once: &idempotency::Keys,
    macs: clients::SecretMac,
    passwords: password::PasswordHasher,
    guessing: guessing::Guessing,
) -> anyhow::Result<password_service::Passwords> {
    let sealer = sealing::Sealer::new("identity.encryption_keys", &config.encryption_keys)?;
    let making = resets::Making::new(host.pool.clone(), sealer.clone(), host.clock.clone());
    Ok(password_service::Passwords {
        pins: pins::Pins {
            pool: host.pool.clone(),
            passwords: passwords.clone(),
            macs,
            lifetimes: config.lifetimes(),
            clock: host.clock.clone(),
            idempotency: once.clone(),
        },
        resets: resets::Resets {
            pool: host.pool.clone(),
            passwords,
            guessing,
            sealer,
            bases: config.link_bases()?,
            making,
            lifetimes: config.lifetimes(),
            clock: host.clock.clone(),
            idempotency: once.clone(),
        },
    })
}
