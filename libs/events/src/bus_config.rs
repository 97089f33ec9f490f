//! The `[redis]` section.

use chassis::config::Secret;
use serde::{Deserialize, Serialize};

/// Where the bus of several processes is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `redis://host:6379`; a password may be in it.
    pub url: Secret,
}
