//! The `[standalone]` section, and everybody else's.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use chassis::config::{ConfigError, Secret, Source, print};
use host::{Process, Settings};
use serde::{Deserialize, Serialize};

use crate::secrets::Secrets;

/// The port that everything is served on unless configured.
const PORT: u16 = 8080;

/// The `[standalone]` section.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Standalone {
    /// Where the private database and generated secrets are kept.
    pub(crate) data_dir: PathBuf,
    /// The folder of the PostgreSQL programs; empty looks in the usual places.
    pub(crate) postgres_bin: PathBuf,
}

impl Default for Standalone {
    fn default() -> Self {
        Self {
            data_dir: ".data".into(),
            postgres_bin: PathBuf::new(),
        }
    }
}

/// The settings of every part.
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) standalone: Standalone,
    pub(crate) edge: edge::Config,
    pub(crate) identity: identity::Config,
    pub(crate) tenancy: tenancy_admin::Config,
    pub(crate) conversation: conversation::Config,
    pub(crate) channel: channel_connector::Config,
    pub(crate) realtime: realtime_broadcast::Config,
    pub(crate) mail: mail_ticket::Config,
}

impl Config {
    /// Reads all sections. The addresses of the command line stand in for
    /// sections that say nothing.
    pub(crate) fn read(
        source: &Source,
        database_url: Secret,
        redis_url: Secret,
    ) -> Result<Self, ConfigError> {
        let mut settings = Settings::read(source)?;
        if settings.database.url.is_empty() {
            settings.database.url = database_url;
        }
        if settings.redis.url.is_empty() {
            settings.redis.url = redis_url;
        }
        let standalone: Standalone = source.section("standalone")?;
        let mut identity: identity::Config = source.section("identity")?;
        if identity.pictures.store.is_empty() {
            let folder = standalone.data_dir.join("pictures");
            identity.pictures.store = folder.to_string_lossy().into_owned();
        }
        Ok(Self {
            settings,
            standalone,
            edge: source.section("edge")?,
            identity,
            tenancy: source.section("tenancy")?,
            conversation: source.section("conversation")?,
            channel: source.section("channel")?,
            realtime: source.section("realtime")?,
            mail: source.section("mail")?,
        })
    }

    /// Where everything is served.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Process::address(&self.settings.process.http_listen, PORT)
    }

    /// Gives every secret that is needed and not configured a random value, the
    /// same at every start.
    pub(crate) fn fill_secrets(&mut self) -> anyhow::Result<()> {
        let mut secrets = Secrets::open(&self.standalone.data_dir)?;
        for (name, secret) in [
            ("identity.pepper", &mut self.identity.pepper),
            (
                "identity.encryption_keys",
                &mut self.identity.encryption_keys,
            ),
            (
                "conversation.guest_token_key",
                &mut self.conversation.guest_token_key,
            ),
            ("channel.encryption_keys", &mut self.channel.encryption_keys),
            (
                "realtime.encryption_keys",
                &mut self.realtime.encryption_keys,
            ),
            ("tenancy.encryption_keys", &mut self.tenancy.encryption_keys),
            ("mail.encryption_keys", &mut self.mail.encryption_keys),
        ] {
            if secret.is_empty() {
                *secret = secrets.get(name)?;
            }
        }
        secrets.save()
    }

    /// The effective settings as TOML, secrets as stars.
    pub(crate) fn print(&self) -> Result<String, ConfigError> {
        let sections = [
            print(&self.settings)?,
            section("standalone", &self.standalone)?,
            section("edge", &self.edge)?,
            section("identity", &self.identity)?,
            section("tenancy", &self.tenancy)?,
            section("conversation", &self.conversation)?,
            section("channel", &self.channel)?,
            section("realtime", &self.realtime)?,
            section("mail", &self.mail)?,
        ];
        Ok(sections.join("\n"))
    }
}

fn section(name: &str, config: &impl Serialize) -> Result<String, ConfigError> {
    print(&BTreeMap::from([(name, config)]))
}
