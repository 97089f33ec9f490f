//! The secrets with which services prove who they are.

use std::collections::HashMap;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{Digest, SHA256, digest},
    rand,
};
use chassis::config::Secret;

use crate::{Config, error::Error};

/// The configured secrets, as digests of one length so that comparing them takes
/// one time.
pub struct ServiceSecrets {
    known: HashMap<String, Digest>,
    unknown: Digest,
}

impl ServiceSecrets {
    /// Takes the secrets that are not empty. The name of a service may be written
    /// with `_` for `-`.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let mut random = [0; 32];
        rand::fill(&mut random).map_err(|_| anyhow::anyhow!("there is no randomness"))?;
        let known = config
            .service_secrets
            .iter()
            .filter(|(_, secret)| !secret.is_empty())
            .map(|(name, secret)| (name.replace('_', "-"), of(secret)))
            .collect();
        Ok(Self {
            known,
            unknown: digest(&SHA256, &random),
        })
    }

    /// Checks the secret of a service; an unknown one takes as long.
    pub fn check(&self, service: &str, secret: &Secret) -> Result<(), Error> {
        let expected = self.known.get(service).unwrap_or(&self.unknown);
        verify_slices_are_equal(expected.as_ref(), of(secret).as_ref())
            .map_err(|_| Error::ServiceCredentials)
    }
}

fn of(secret: &Secret) -> Digest {
    digest(&SHA256, secret.expose().as_bytes())
}
