//! The `[tenancy]` section.

use chassis::config::Secret;
use serde::{Deserialize, Serialize};

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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            encryption_keys: Secret::default(),
            time_zone: "America/Costa_Rica".to_owned(),
        }
    }
}
