//! Wires the services and the edge to one another inside this process.

use std::{collections::BTreeMap, sync::Arc};

use auth::{ContextGate, ContextKeys, ServiceTokens};
use axum::Router;
use chassis::{Clock, Lifecycle, LocalSlot, Stop, Task, Upstream, config::Secret, grpc};
use events::Bus;
use host::{Host, Spec, Upstreams};
use tokio::net::TcpListener;

use crate::{config::Config, database::Database, secrets};

/// The id of the key that signs context tokens in this process.
const KEY_ID: &str = "standalone";

/// Everything built and nothing running.
pub(crate) struct System {
    tasks: Vec<Task>,
    routes: Router,
    stop: Stop,
}

/// Where the routes of each service go.
struct Slots {
    identity: LocalSlot,
    tenancy_admin: LocalSlot,
    conversation: LocalSlot,
    channel_connector: LocalSlot,
    realtime_broadcast: LocalSlot,
    mail_ticket: LocalSlot,
}

/// What all services of the process share.
struct Shared<'a> {
    clock: Clock,
    bus: Bus,
    upstreams: Upstreams,
    context: ContextKeys,
    gate: Arc<ContextGate>,
    service_secrets: BTreeMap<String, Secret>,
    database: &'a Database,
    stop: Stop,
}

impl System {
    /// Builds every service and the edge on a migrated database.
    pub(crate) async fn build(
        config: &Config,
        database: &Database,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let (upstreams, slots) = local_upstreams();
        let shared = Shared::new(config, database, upstreams, stop)?;
        let identity_config = identity::Config {
            service_secrets: shared.service_secrets.clone(),
            ..config.identity.clone()
        };
        let mut parts = Parts::default();
        parts
            .add(identity::spec(), identity_config, slots.identity, &shared)
            .await?;
        parts
            .add(
                tenancy_admin::spec(),
                config.tenancy.clone(),
                slots.tenancy_admin,
                &shared,
            )
            .await?;
        parts
            .add(
                conversation::spec(),
                config.conversation.clone(),
                slots.conversation,
                &shared,
            )
            .await?;
        parts
            .add(
                channel_connector::spec(),
                config.channel.clone(),
                slots.channel_connector,
                &shared,
            )
            .await?;
        parts
            .add(
                realtime_broadcast::spec(),
                config.realtime.clone(),
                slots.realtime_broadcast,
                &shared,
            )
            .await?;
        parts
            .add(
                mail_ticket::spec(),
                config.mail.clone(),
                slots.mail_ticket,
                &shared,
            )
            .await?;

        let edge = edge::router(
            config.edge.clone(),
            shared.upstreams.clone(),
            &shared.context,
            shared.clock.clone(),
        )?;
        // The sockets keep their own paths; everything else is the edge's.
        let routes = parts.http.fallback_service(edge.router);
        parts.tasks.extend(edge.tasks);
        Ok(Self {
            tasks: parts.tasks,
            routes,
            stop: stop.clone(),
        })
    }

    /// Starts serving and everything that runs beside it.
    pub(crate) fn run(self, listener: TcpListener, lifecycle: &Lifecycle) {
        for task in self.tasks {
            lifecycle.spawn(task);
        }
        lifecycle.spawn(Task::new(
            "http",
            host::serve_http(listener, self.routes, self.stop),
        ));
    }
}

impl<'a> Shared<'a> {
    fn new(
        config: &Config,
        database: &'a Database,
        upstreams: Upstreams,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let clock = Clock::system();
        // Tokens never leave this process, so neither do the keys.
        let (signing_key, public) = auth::generate(KEY_ID)?;
        let context = ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            service_secret: Secret::default(),
        };
        Ok(Self {
            gate: ContextGate::new(&context, clock.clone())?,
            bus: host::bus(&config.settings.redis)?,
            clock,
            upstreams,
            context,
            service_secrets: service_secrets()?,
            database,
            stop: stop.clone(),
        })
    }

    fn host(&self, name: &'static str, schema: &'static str) -> anyhow::Result<Host> {
        let secret = self.service_secrets.get(name).cloned().unwrap_or_default();
        let identity = self.upstreams.identity.clone();
        Ok(Host {
            name,
            schema,
            clock: self.clock.clone(),
            pool: self.database.pool(name)?,
            bus: self.bus.clone(),
            upstreams: self.upstreams.clone(),
            tokens: ServiceTokens::new(name, secret, identity, self.clock.clone()),
            context: Arc::new(self.context.clone()),
            stop: self.stop.clone(),
        })
    }
}

#[derive(Default)]
struct Parts {
    tasks: Vec<Task>,
    http: Router,
}

impl Parts {
    async fn add<C>(
        &mut self,
        spec: Spec<C>,
        config: C,
        slot: LocalSlot,
        shared: &Shared<'_>,
    ) -> anyhow::Result<()> {
        let service = (spec.build)(config, shared.host(spec.name, spec.schema)?).await?;
        slot.fill(grpc::stack(service.routes, shared.gate.clone()));
        self.tasks.extend(service.tasks);
        if let Some(routes) = service.http {
            self.http = std::mem::take(&mut self.http).merge(routes);
        }
        Ok(())
    }
}

fn local_upstreams() -> (Upstreams, Slots) {
    let (identity, identity_slot) = Upstream::local();
    let (tenancy_admin, tenancy_slot) = Upstream::local();
    let (conversation, conversation_slot) = Upstream::local();
    let (channel_connector, channel_slot) = Upstream::local();
    let (realtime_broadcast, realtime_slot) = Upstream::local();
    let (mail_ticket, mail_slot) = Upstream::local();
    let upstreams = Upstreams {
        identity,
        tenancy_admin,
        conversation,
        channel_connector,
        realtime_broadcast,
        mail_ticket,
    };
    let slots = Slots {
        identity: identity_slot,
        tenancy_admin: tenancy_slot,
        conversation: conversation_slot,
        channel_connector: channel_slot,
        realtime_broadcast: realtime_slot,
        mail_ticket: mail_slot,
    };
    (upstreams, slots)
}

/// The secrets by which the services of this process know one another; made
/// anew at every start.
fn service_secrets() -> anyhow::Result<BTreeMap<String, Secret>> {
    [
        "identity",
        "tenancy-admin",
        "conversation",
        "channel-connector",
        "realtime-broadcast",
        "mail-ticket",
    ]
    .into_iter()
    .map(|name| Ok((name.to_owned(), secrets::random()?)))
    .collect()
}
