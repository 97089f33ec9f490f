//! The `[conversation]` section.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chassis::config::Secret;
use sealing::{SealError, Sealer};
use serde::{Deserialize, Serialize};

/// The shortest key that is accepted, in bytes.
const SHORTEST_KEY: usize = 32;

/// Keeps the key of answers apart from whatever else the key gives.
const PURPOSE: &[u8] = b"atencion answers 1";

/// Settings of conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What guest tokens are signed with; at least 32 bytes. Changing it voids
    /// them all, and the answers that are kept for repetitions.
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

    /// What seals the answers to requests that may be repeated: guest tokens are
    /// among them, so the key is one that the key of the tokens gives.
    pub(crate) fn sealer(&self) -> Result<Sealer, SealError> {
        let tokens = self.guest_token_key.expose().as_bytes();
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, tokens), PURPOSE);
        let key = Secret::new(format!("guests:{}", BASE64.encode(key)));
        Sealer::new("conversation.guest_token_key", &key)
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
