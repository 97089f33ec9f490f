//! The `[tenancy]` section.

use chassis::config::Secret;
use serde::{Deserialize, Serialize};
use time::Duration;

/// Settings of tenancy-admin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the tokens of companies are encrypted with in the database: `id:base64
    /// of 32 bytes`, several separated by commas; the first one encrypts, all
    /// decrypt.
    pub encryption_keys: Secret,
    /// The zone of the calendars of companies that name none, an IANA name.
    pub time_zone: String,
    /// The access log.
    pub bitacora: AccessLog,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            encryption_keys: Secret::default(),
            time_zone: "America/Costa_Rica".to_owned(),
            bitacora: AccessLog::default(),
        }
    }
}

/// The `[tenancy.bitacora]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLog {
    /// Days that the access log is kept, 1 to 3650.
    pub keep_days: u16,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { keep_days: 90 }
    }
}

impl AccessLog {
    /// How long rows are kept; refuses what makes no sense.
    pub(crate) fn keep(&self) -> anyhow::Result<Duration> {
        anyhow::ensure!(
            (1..=3650).contains(&self.keep_days),
            "tenancy.bitacora.keep_days must be 1 to 3650"
        );
        Ok(Duration::days(self.keep_days.into()))
    }
}
