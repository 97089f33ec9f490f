//! The `[realtime]` section.

use std::time::Duration;

use chassis::config::Secret;
use serde::{Deserialize, Serialize};

/// How sockets are served.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The keys that seal the secrets of apps, `id:base64 of 32 bytes` separated by
    /// commas; the first one seals, all of them open.
    pub encryption_keys: Secret,
    /// Seconds of silence after which a client must show that it is there.
    pub activity_timeout_seconds: u32,
    /// Seconds a client has to answer a ping.
    pub pong_timeout_seconds: u32,
    /// The most sockets of this process; more are told to come back later.
    pub max_connections: u32,
    /// The most bytes that wait for one slow client.
    pub queue_bytes: u32,
    /// The most frames that wait for one slow client.
    pub queue_frames: u32,
    /// Seconds over which sockets are sent away when the process stops.
    pub drain_seconds: u32,
    /// Seconds for which somebody who left a room still counts as present, so
    /// that a reload is no coming and going.
    pub leave_delay_seconds: u32,
    /// Seconds for which the members of a process that died still count.
    pub lease_seconds: u32,
    /// Seconds for which published events can be read again.
    pub history_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            encryption_keys: Secret::default(),
            activity_timeout_seconds: 120,
            pong_timeout_seconds: 30,
            max_connections: 20_000,
            queue_bytes: 256 * 1024,
            queue_frames: 1024,
            drain_seconds: 10,
            leave_delay_seconds: 3,
            lease_seconds: 15,
            history_seconds: 300,
        }
    }
}

impl Config {
    /// Checks what the types cannot say.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        let positive = [
            ("activity_timeout_seconds", self.activity_timeout_seconds),
            ("pong_timeout_seconds", self.pong_timeout_seconds),
            ("queue_bytes", self.queue_bytes),
            ("queue_frames", self.queue_frames),
            ("lease_seconds", self.lease_seconds),
        ];
        for (key, value) in positive {
            anyhow::ensure!(value > 0, "realtime.{key} must be more than 0");
        }
        Ok(())
    }

    pub(crate) fn activity_timeout(&self) -> Duration {
        seconds(self.activity_timeout_seconds)
    }

    pub(crate) fn pong_timeout(&self) -> Duration {
        seconds(self.pong_timeout_seconds)
    }

    pub(crate) fn drain(&self) -> Duration {
        seconds(self.drain_seconds)
    }

    pub(crate) fn leave_delay(&self) -> Duration {
        seconds(self.leave_delay_seconds)
    }

    pub(crate) fn lease(&self) -> Duration {
        seconds(self.lease_seconds)
    }

    pub(crate) fn history(&self) -> time::Duration {
        time::Duration::seconds(i64::from(self.history_seconds))
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}
