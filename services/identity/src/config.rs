//! The `[identity]` section.

use std::{collections::BTreeMap, num::NonZero};

use chassis::config::Secret;
use serde::{Deserialize, Serialize};
use time::Duration;

use crate::pictures;

/// The services that may ask for tokens of their own.
const SERVICES: [&str; 6] = [
    "identity",
    "tenancy-admin",
    "conversation",
    "channel-connector",
    "realtime-broadcast",
    "mail-ticket",
];

/// The shortest pepper that is accepted, in bytes.
const SHORTEST_PEPPER: usize = 16;

/// Settings of identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Who access tokens say that they are from.
    pub issuer: String,
    /// Whom access tokens say that they are for.
    pub audience: String,
    /// What the secrets of API clients are hashed with; at least 16 bytes.
    /// Changing it voids them all.
    pub pepper: Secret,
    /// What private keys in the database are encrypted with: `id:base64 of 32
    /// bytes`, several separated by commas; the first one encrypts, all decrypt.
    pub encryption_keys: Secret,
    /// The secret of each service, by its name with `_` for `-`. One without a
    /// secret gets no tokens.
    pub service_secrets: BTreeMap<String, Secret>,
    /// Hours until a session ends.
    pub session_hours: u32,
    /// Hours until an unused session ends.
    pub session_idle_hours: u32,
    /// Days until a session that is bound to a device ends.
    pub device_session_days: u32,
    /// Days until an unused session that is bound to a device ends.
    pub device_session_idle_days: u32,
    /// Threads that hash passwords; 0 means one for each core.
    pub hash_threads: usize,
    /// Where pictures of users are kept.
    pub pictures: pictures::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: "atencion".into(),
            audience: "atencion-api".into(),
            pepper: Secret::default(),
            encryption_keys: Secret::default(),
            service_secrets: SERVICES
                .iter()
                .map(|name| (name.replace('-', "_"), Secret::default()))
                .collect(),
            session_hours: 12,
            session_idle_hours: 4,
            device_session_days: 30,
            device_session_idle_days: 14,
            hash_threads: 0,
            pictures: pictures::Settings::default(),
        }
    }
}

/// How long a session lasts, at most and without use.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// From the login to the end.
    pub total: Duration,
    /// From the last use to the end.
    pub idle: Duration,
}

/// The lifetimes of the kinds of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Of a session of a browser.
    pub web: Lifetime,
    /// Of a session that is bound to a device.
    pub device: Lifetime,
}

impl Config {
    /// Refuses settings that cannot work, with a sentence that names the key.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (key, value) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            anyhow::ensure!(!value.is_empty(), "identity.{key} must not be empty");
        }
        anyhow::ensure!(
            self.pepper.expose().len() >= SHORTEST_PEPPER,
            "identity.pepper must have at least {SHORTEST_PEPPER} bytes"
        );
        for (key, value) in [
            ("session_hours", self.session_hours),
            ("session_idle_hours", self.session_idle_hours),
            ("device_session_days", self.device_session_days),
            ("device_session_idle_days", self.device_session_idle_days),
        ] {
            anyhow::ensure!(
                (1..=8760).contains(&value),
                "identity.{key} must be from 1 to 8760"
            );
        }
        anyhow::ensure!(
            self.hash_threads <= 256,
            "identity.hash_threads must be at most 256"
        );
        for name in self.service_secrets.keys() {
            anyhow::ensure!(
                SERVICES.contains(&name.replace('_', "-").as_str()),
                "identity.service_secrets.{name} is not a service"
            );
        }
        Ok(())
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            web: Lifetime {
                total: Duration::hours(self.session_hours.into()),
                idle: Duration::hours(self.session_idle_hours.into()),
            },
            device: Lifetime {
                total: Duration::days(self.device_session_days.into()),
                idle: Duration::days(self.device_session_idle_days.into()),
            },
        }
    }

    pub(crate) fn hash_threads(&self) -> usize {
        match self.hash_threads {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            threads => threads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable() -> Config {
        Config {
            pepper: Secret::new("0123456789abcdef"),
            ..Config::default()
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        usable().check().unwrap();
        let no_pepper = Config::default().check().unwrap_err().to_string();
        assert!(no_pepper.contains("identity.pepper"), "{no_pepper}");
        let mut unknown = usable();
        let secret = Secret::new("secret");
        unknown
            .service_secrets
            .insert("conversatoin".into(), secret);
        let unknown = unknown.check().unwrap_err().to_string();
        assert!(unknown.contains("conversatoin"), "{unknown}");
        let mut endless = usable();
        endless.session_hours = 0;
        let endless = endless.check().unwrap_err().to_string();
        assert!(endless.contains("session_hours"), "{endless}");
    }
}
