//! The `[conversation]` section.

use chassis::config::Secret;
use serde::{Deserialize, Serialize};

/// The shortest key that is accepted, in bytes.
const SHORTEST_KEY: usize = 32;

/// Settings of conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What guest tokens are signed with; at least 32 bytes. Changing it voids
    /// them all.
    pub guest_token_key: Secret,
}

impl Config {
    /// Refuses settings that cannot work, with a sentence that names the key.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.guest_token_key.expose().len() >= SHORTEST_KEY,
            "conversation.guest_token_key must have at least {SHORTEST_KEY} bytes"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_is_named() {
        let refused = Config::default().check().unwrap_err().to_string();
        assert!(
            refused.contains("conversation.guest_token_key"),
            "{refused}"
        );
    }
}
