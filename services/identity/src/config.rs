//! The `[identity]` section.

use std::{collections::BTreeMap, num::NonZero};

use chassis::config::Secret;
use serde::{Deserialize, Serialize};
use time::Duration;

use crate::{guessing::Limits, pictures, resets::LinkBases};

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

/// Failures of an account from one network before the first wait.
const FREE_FAILURES: u32 = 5;

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
    /// Days until another key signs access tokens; 0 means never.
    pub key_rotation_days: u32,
    /// Wrong passwords and PINs of an account in an hour, from all networks
    /// together; above it only places that the user has logged in from may try.
    pub failures_per_account: u32,
    /// Wrong passwords and PINs from a network in an hour, for all accounts
    /// together; above it only accounts that have logged in from it may try.
    pub failures_per_network: u32,
    /// The page that links of recovery mails lead to.
    pub reset_link_base: String,
    /// Other pages that they may lead to; `domain` of a request picks one by its
    /// host.
    pub reset_link_bases: Vec<String>,
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
            key_rotation_days: 30,
            failures_per_account: 50,
            failures_per_network: 100,
            reset_link_base: "http://127.0.0.1:8080/password/reset".into(),
            reset_link_bases: Vec::new(),
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

impl Lifetimes {
    /// Of the session that lasts longest.
    pub(crate) fn longest(&self) -> Duration {
        self.web.total.max(self.device.total)
    }
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
        anyhow::ensure!(
            self.key_rotation_days <= 3650,
            "identity.key_rotation_days must be at most 3650"
        );
        for (key, value) in [
            ("failures_per_account", self.failures_per_account),
            ("failures_per_network", self.failures_per_network),
        ] {
            anyhow::ensure!(
                (1..=1_000_000).contains(&value),
                "identity.{key} must be from 1 to 1000000"
            );
        }
        self.link_bases()?;
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

    /// How long a key signs.
    pub(crate) fn key_rotation(&self) -> Option<Duration> {
        let days = Some(self.key_rotation_days).filter(|days| *days > 0);
        days.map(|days| Duration::days(days.into()))
    }

    /// How many failures are granted.
    pub(crate) fn guessing(&self) -> Limits {
        Limits {
            free: FREE_FAILURES,
            per_account: self.failures_per_account,
            per_network: self.failures_per_network,
        }
    }

    /// Where the links of recovery mails lead.
    pub(crate) fn link_bases(&self) -> anyhow::Result<LinkBases> {
        LinkBases::new(&self.reset_link_base, &self.reset_link_bases)
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
