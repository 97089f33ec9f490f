//! The `[mail]` section.

use chassis::config::Secret;
use serde::{Deserialize, Serialize};

/// Settings of mail-ticket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the secrets of mailboxes are encrypted with in the database: `id:base64
    /// of 32 bytes`, several separated by commas; the first one encrypts, all
    /// decrypt.
    pub encryption_keys: Secret,
}
