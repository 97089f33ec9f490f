//! Passwords: argon2id, on a fixed set of threads with memory of their own, so
//! that a wave of logins neither starves the async threads nor allocates.

mod phc;
mod threads;

use std::sync::Arc;

use chassis::config::Secret;

use crate::error::Error;
use threads::HashThreads;

/// Longer passwords than any that can be set are wrong without being hashed.
const LONGEST: usize = 1024;

/// Hashes and verifies passwords. Cloning shares the threads.
#[derive(Clone)]
pub struct PasswordHasher {
    threads: Arc<HashThreads>,
    /// Verified when there is nothing to verify against, so that both take as
    /// long. No password fits it.
    dummy: Arc<str>,
}

impl PasswordHasher {
    /// Starts the threads; they end when the last clone is dropped.
    pub fn start(threads: usize) -> anyhow::Result<Self> {
        Ok(Self {
            threads: Arc::new(HashThreads::start(threads)?),
            dummy: phc::unmatchable()?.into(),
        })
    }

    /// The PHC string to store for a password.
    pub async fn hash(&self, password: Secret) -> Result<String, Error> {
        self.threads
            .run(move |memory| phc::hash(password.expose().as_bytes(), memory))
            .await?
    }

    /// Says whether a password fits what is stored; nothing fits `None`. What is
    /// stored and cannot be read fits nothing either.
    pub async fn verify(&self, stored: Option<String>, password: Secret) -> Result<bool, Error> {
        let fits = password.expose().len() <= LONGEST;
        let stored = stored.filter(|_| fits);
        let known = stored.is_some();
        let dummy = Arc::clone(&self.dummy);
        self.threads
            .run(move |memory| {
                let stored = stored.as_deref().unwrap_or(&dummy);
                let password = if fits { password.expose() } else { "" };
                known & phc::verify(stored, password.as_bytes(), memory)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_fits() {
        let hasher = PasswordHasher::start(1).unwrap();
        let stored = hasher.hash(Secret::new("Secret123")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let verify = |stored: Option<&str>, password: &str| {
            let stored = stored.map(str::to_owned);
            let password = Secret::new(password);
            let hasher = hasher.clone();
            async move { hasher.verify(stored, password).await.unwrap() }
        };
        assert!(verify(Some(&stored), "Secret123").await);
        assert!(!verify(Some(&stored), "secret123").await);
        assert!(!verify(Some(&stored), "").await);
        assert!(!verify(None, "Secret123").await);
        assert!(!verify(Some("no hash"), "no hash").await);
        assert!(!verify(Some(&stored), &"a".repeat(LONGEST + 1)).await);
    }
}
