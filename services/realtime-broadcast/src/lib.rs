//! Sockets of the Pusher protocol, who is present, and what was published.
//!
//! Owns the realtime apps and their keys, the sockets, presence rooms and the
//! short history of each channel. Promises that a published event that was
//! answered for is delivered to every socket that listens and keeps up, on every
//! replica; that a socket which does not keep up is closed, never skipped; that
//! everybody sees the same members of a room; and that nobody hears a channel
//! that is not meant for them.

pub mod access;
pub mod apps;
mod config;
mod delivery;
pub mod demo;
mod drain;
mod error;
mod events;
pub mod frames;
pub mod hub;
pub mod names;
pub mod presence;
pub mod protocol;
mod rpc;
pub mod signatures;
mod sockets;

use std::sync::Arc;

use ::events::{Follower, LogServer};
use chassis::{Service, Stop, Task};
use host::{Host, Spec};
use idempotency::Keys;
use proto::realtime::v1::realtime_service_server::RealtimeServiceServer;
use tonic::service::Routes;

use crate::{
    access::Access,
    apps::Apps,
    delivery::{Delivery, Live},
    events::{Companies, Conversations},
    frames::Publisher,
    hub::{Bounds, Hub},
    presence::{Leaver, Nodes, Presence},
    rpc::Rpc,
    sockets::Sockets,
};

pub use config::Config;
pub use error::Error;

/// The name in the call graph.
pub const NAME: &str = "realtime-broadcast";

const SCHEMA: &str = "realtime";

/// The migrations of the schema.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What the binary, and standalone, run.
pub fn spec() -> Spec<Config> {
    Spec {
        name: NAME,
        schema: SCHEMA,
        section: "realtime",
        port: 7005,
        http_port: Some(7015),
        migrator: &MIGRATOR,
        build: |config, host| Box::pin(build(config, host)),
    }
}

async fn build(config: Config, host: Host) -> anyhow::Result<Service> {
    config.validate()?;
    let bounds = Bounds {
        frames: config.queue_frames as usize,
        bytes: config.queue_bytes as usize,
    };
    let hub = Arc::new(Hub::new(bounds, config.max_connections as usize));
    let sealer = sealer(&config)?;
    let keys = Keys::new(SCHEMA, sealer.clone());
    let apps = Apps::new(host.pool.clone(), sealer);
    let publisher = Publisher::new(
        host.pool.clone(),
        host.clock.clone(),
        host.bus.clone(),
        SCHEMA,
    );
    let presence = Presence::new(host.pool.clone(), publisher.clone());
    let nodes = Nodes::register(
        host.pool.clone(),
        presence.clone(),
        Arc::clone(&hub),
        config.lease(),
    )
    .await?;
    let sockets = Arc::new(Sockets {
        apps: apps.clone(),
        hub: Arc::clone(&hub),
        presence: presence.clone(),
        publisher: publisher.clone(),
        leaver: Arc::new(Leaver::new(config.leave_delay())),
        nodes: Arc::new(nodes),
        config,
        live: Live::default(),
        stop: host.stop.clone(),
    });
    let rpc = Rpc {
        apps,
        publisher,
        keys: keys.clone(),
        clock: host.clock.clone(),
        pool: host.pool.clone(),
        access: Access::new(host.upstreams.conversation.clone()),
        presence,
        hub,
    };
    let mut tasks = tasks(&host, &sockets);
    let forgetting = keys.clean(host.pool.clone(), host.clock.clone(), host.stop.clone());
    tasks.push(Task::new("old-keys", forgetting));
    Ok(Service {
        name: NAME,
        routes: Routes::new(RealtimeServiceServer::new(rpc)).add_service(LogServer::new(
            NAME,
            SCHEMA,
            host.pool.clone(),
        )),
        tasks,
        http: Some(sockets::routes(sockets)),
    })
}

/// What runs beside the servers. Whatever sockets live from goes on until they
/// are gone, which is a while after the stop.
fn tasks(host: &Host, sockets: &Arc<Sockets>) -> Vec<Task> {
    let gone = Stop::default();
    let Sockets {
        apps,
        hub,
        presence,
        publisher,
        leaver,
        nodes,
        config,
        live,
        ..
    } = &**sockets;
    let follower = Follower::new(
        host.log_of(NAME),
        host.bus.clone(),
        Arc::new(Delivery {
            hub: Arc::clone(hub),
            live: live.clone(),
            node: nodes.current(),
        }),
    );
    let beginning = Task::new(
        "beginning",
        delivery::begin(
            live.clone(),
            publisher.clone(),
            nodes.current(),
            host.stop.clone(),
        ),
    );
    let (nodes, leaver) = (Arc::clone(nodes), Arc::clone(leaver));
    let (presence, farewell) = (presence.clone(), config.leave_delay());
    let (lease_stop, leaver_stop) = (gone.clone(), gone.clone());
    vec![
        host.relay(),
        host.consume(
            "tenancy-admin",
            Companies {
                apps: apps.clone(),
                publisher: publisher.clone(),
            },
        ),
        host.consume(
            "conversation",
            Conversations {
                apps: apps.clone(),
                publisher: publisher.clone(),
            },
        ),
        Task::new("delivery", follower.run(gone.clone())),
        beginning,
        Task::new(
            "whispers",
            delivery::whispers(Arc::clone(hub), host.bus.clone(), gone.clone()),
        ),
        Task::new(
            "lease",
            async move { nodes.run(farewell, lease_stop).await },
        ),
        Task::new(
            "leaver",
            async move { leaver.run(presence, leaver_stop).await },
        ),
        Task::new(
            "history",
            frames::trim(
                host.pool.clone(),
                host.clock.clone(),
                config.history(),
                host.stop.clone(),
            ),
        ),
        Task::new(
            "drain",
            drain::run(Arc::clone(hub), config.drain(), host.stop.clone(), gone),
        ),
    ]
}

/// What seals the secrets of apps, by the keys of the configuration.
fn sealer(config: &Config) -> Result<sealing::Sealer, sealing::SealError> {
    sealing::Sealer::new("realtime.encryption_keys", &config.encryption_keys)
}
