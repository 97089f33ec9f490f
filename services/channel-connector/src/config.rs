//! The `[channel]` section.

use chassis::config::Secret;
use serde::{Deserialize, Serialize};

/// No provider hands out larger files, in bytes.
const LARGEST_MEDIA: u64 = 2 * 1024 * 1024 * 1024;

/// Settings of channel-connector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where providers reach this installation, without a slash at the end; Telegram takes
    /// https only.
    pub public_url: String,
    /// Where Meta's Graph API is.
    pub graph_base_url: String,
    /// Its version, such as `v23.0`.
    pub graph_version: String,
    /// Where the Telegram Bot API is.
    pub telegram_base_url: String,
    /// The app secret that signs the webhooks of WhatsApp channels without one of their own,
    /// and those of accounts that no channel has; may be empty.
    pub meta_app_secret: Secret,
    /// What Meta must say when it verifies the webhook address; empty refuses it everywhere but
    /// at the address of a channel, where the uuid of the channel is good too.
    pub meta_verify_token: Secret,
    /// The keys that seal the secrets of channels, `id:base64 of 32 bytes` separated by commas.
    /// The first one seals, all of them open; [`sealing::generate_key`] makes one.
    pub encryption_keys: Secret,
    /// How many senders of messages are looked after at the same time, in each direction.
    pub lanes: usize,
    /// Seconds a provider has to answer.
    pub provider_timeout_seconds: u64,
    /// Seconds after which what a sender had in hand is taken from it; longer than
    /// `provider_timeout_seconds`.
    pub lease_seconds: u64,
    /// How often an event that conversation refuses is tried before it is dead.
    pub event_attempts: u32,
    /// How often a message that the provider fails to take is tried before it has failed.
    pub send_attempts: u32,
    /// How often a file of a guest is asked for before it is given up.
    pub media_attempts: u32,
    /// The largest file of a guest that is fetched, in bytes.
    pub media_largest_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".into(),
            graph_base_url: "https://graph.facebook.com".into(),
            graph_version: "v23.0".into(),
            telegram_base_url: "https://api.telegram.org".into(),
            meta_app_secret: Secret::default(),
            meta_verify_token: Secret::default(),
            encryption_keys: Secret::default(),
            lanes: 4,
            provider_timeout_seconds: 20,
            lease_seconds: 30,
            event_attempts: 8,
            send_attempts: 12,
            media_attempts: 24,
            media_largest_bytes: 100 * 1024 * 1024,
        }
    }
}

impl Config {
    /// Refuses settings that cannot work together; the text names the key.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.lease_seconds > self.provider_timeout_seconds,
            "channel.lease_seconds must be longer than channel.provider_timeout_seconds"
        );
        anyhow::ensure!(
            (1..=64).contains(&self.lanes),
            "channel.lanes must be 1 to 64"
        );
        anyhow::ensure!(
            (1..=LARGEST_MEDIA).contains(&self.media_largest_bytes),
            "channel.media_largest_bytes must be 1 to {LARGEST_MEDIA}"
        );
        for (key, url) in [
            ("public_url", &self.public_url),
            ("graph_base_url", &self.graph_base_url),
            ("telegram_base_url", &self.telegram_base_url),
        ] {
            anyhow::ensure!(
                url.starts_with("http://") || url.starts_with("https://"),
                "channel.{key} is not an http or https address"
            );
            anyhow::ensure!(!url.ends_with('/'), "channel.{key} ends with a slash");
        }
        Ok(())
    }
}
