//! The sections that every process reads.

use std::net::{Ipv4Addr, SocketAddr};

use auth::ContextKeys;
use chassis::{
    Upstream,
    config::{ConfigError, Source},
    telemetry,
};
use events::{Bus, MemoryBus, RedisBus};
use serde::{Deserialize, Serialize};

/// The `[process]` section.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Process {
    /// Where gRPC is served, such as `0.0.0.0:7001`; empty means the port of the
    /// service on 127.0.0.1.
    pub listen: String,
    /// Where public HTTP is served, for the processes that do.
    pub http_listen: String,
    /// Seconds between the soft and the hard stop; 0 means 25.
    pub grace_seconds: u64,
}

impl Process {
    /// The address of `configured`, or `port` on 127.0.0.1.
    pub fn address(configured: &str, port: u16) -> anyhow::Result<SocketAddr> {
        if configured.is_empty() {
            return Ok((Ipv4Addr::LOCALHOST, port).into());
        }
        configured
            .parse()
            .map_err(|_| anyhow::anyhow!("process.listen {configured:?} is not address:port"))
    }

    /// The grace as a duration.
    pub fn grace(&self) -> std::time::Duration {
        std::time::Duration::from_secs(if self.grace_seconds == 0 {
            25
        } else {
            self.grace_seconds
        })
    }
}

/// The `[upstreams]` section: where the other services are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamUris {
    /// The address of identity.
    pub identity: String,
    /// The address of tenancy-admin.
    pub tenancy_admin: String,
    /// The address of conversation.
    pub conversation: String,
    /// The address of channel-connector.
    pub channel_connector: String,
    /// The address of realtime-broadcast.
    pub realtime_broadcast: String,
    /// The address of mail-ticket.
    pub mail_ticket: String,
}

impl Default for UpstreamUris {
    fn default() -> Self {
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        Self {
            identity: at(7001),
            tenancy_admin: at(7002),
            conversation: at(7003),
            channel_connector: at(7004),
            realtime_broadcast: at(7005),
            mail_ticket: at(7006),
        }
    }
}

/// The other services, each local or remote.
#[derive(Clone)]
pub struct Upstreams {
    /// Identity.
    pub identity: Upstream,
    /// Tenancy-admin.
    pub tenancy_admin: Upstream,
    /// Conversation.
    pub conversation: Upstream,
    /// Channel-connector.
    pub channel_connector: Upstream,
    /// Realtime-broadcast.
    pub realtime_broadcast: Upstream,
    /// Mail-ticket.
    pub mail_ticket: Upstream,
}

impl Upstreams {
    /// Remote services at the configured addresses.
    pub fn remote(uris: &UpstreamUris) -> anyhow::Result<Self> {
        let at = |name: &str, uri: &str| {
            Upstream::remote(uri)
                .map_err(|error| anyhow::anyhow!("upstreams.{name} {uri:?} is no address: {error}"))
        };
        Ok(Self {
            identity: at("identity", &uris.identity)?,
            tenancy_admin: at("tenancy_admin", &uris.tenancy_admin)?,
            conversation: at("conversation", &uris.conversation)?,
            channel_connector: at("channel_connector", &uris.channel_connector)?,
            realtime_broadcast: at("realtime_broadcast", &uris.realtime_broadcast)?,
            mail_ticket: at("mail_ticket", &uris.mail_ticket)?,
        })
    }

    /// The upstream that is the source of events called `name`.
    pub(crate) fn of(&self, name: &'static str) -> Upstream {
        match name {
            "identity" => &self.identity,
            "tenancy-admin" => &self.tenancy_admin,
            "conversation" => &self.conversation,
            "channel-connector" => &self.channel_connector,
            "realtime-broadcast" => &self.realtime_broadcast,
            _ => &self.mail_ticket,
        }
        .clone()
    }
}

/// Every section that all processes share.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// Addresses and grace.
    pub process: Process,
    /// Logs and traces.
    pub log: telemetry::Config,
    /// PostgreSQL.
    pub database: postgres::Config,
    /// Redis.
    pub redis: events::Config,
    /// Keys of context tokens.
    pub context: ContextKeys,
    /// The other services.
    pub upstreams: UpstreamUris,
}

impl Settings {
    /// Reads them.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        Ok(Self {
            process: source.section("process")?,
            log: source.section("log")?,
            database: source.section("database")?,
            redis: source.section("redis")?,
            context: source.section("context")?,
            upstreams: source.section("upstreams")?,
        })
    }
}

/// The bus of the configuration: Redis when there is an address, memory
/// otherwise. Processes that are apart need Redis.
pub fn bus(config: &events::Config) -> anyhow::Result<Bus> {
    if config.url.is_empty() {
        return Ok(Bus::Memory(MemoryBus::default()));
    }
    Ok(Bus::Redis(RedisBus::new(config.url.expose()).map_err(
        |_| {
            // The text of the error may hold the password of the address.
            anyhow::anyhow!("redis.url is not an address such as redis://host:6379")
        },
    )?))
}
