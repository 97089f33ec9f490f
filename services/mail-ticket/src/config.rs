//! The `[mail]` section.

use std::collections::BTreeMap;

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
    /// The systems that hand mails in, by the name they give.
    pub systems: BTreeMap<String, System>,
}

/// A system that hands mails in.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct System {
    /// The company that `department` belongs to.
    pub company: i64,
    /// What gets its mails that came to no mailbox.
    pub department: i64,
}
