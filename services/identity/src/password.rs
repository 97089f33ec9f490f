//! Passwords: argon2id, on a fixed set of threads with memory of their own, so
//! that a wave of logins neither starves the async threads nor allocates.

mod bcrypt;
mod phc;
pub mod policy;
mod scheme;
mod store;
mod threads;
mod upgrade;

use std::{borrow::Cow, sync::Arc};

use argon2::Block;
use chassis::config::Secret;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::error::Error;
use bcrypt::Bcrypt;
use phc::Argon2id;
use scheme::{Scheme, Typed};
use threads::HashThreads;

pub use store::set;
pub use upgrade::{Upgrade, Upgrades, upgrades};

/// Longer passwords than any that can be set, in bytes, are wrong without being
/// hashed.
const LONGEST: usize = 1024;

/// What is stored is of one of these.
static SCHEMES: [&dyn Scheme; 2] = [&Argon2id, &Bcrypt];

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

    /// The text to store for a password.
    pub async fn hash(&self, password: Secret) -> Result<String, Error> {
        self.threads
            .run(move |memory| phc::hash(normal(password.expose()).as_bytes(), memory))
            .await?
    }

    /// Says whether a password fits what is stored; nothing fits `None`. What is
    /// stored and cannot be read fits nothing either.
    pub async fn verify(&self, stored: Option<String>, password: Secret) -> Result<bool, Error> {
        // Whoever sends it knows that it is too long: there is nothing to hide.
        if is_too_long(&password) {
            return Ok(false);
        }
        let known = stored.is_some();
        let dummy = Arc::clone(&self.dummy);
        let fits = self
            .threads
            .run(move |memory| fits(stored.as_deref().unwrap_or(&dummy), &password, memory))
            .await?;
        Ok(known & fits)
    }
}

/// Says whether a text cannot be a password at all, however it is stored.
pub fn is_too_long(password: &Secret) -> bool {
    password.expose().len() > LONGEST
}

/// Says whether new passwords are stored like this one.
pub fn is_current(stored: &str) -> bool {
    SCHEMES
        .iter()
        .any(|scheme| scheme.owns(stored) && scheme.is_current(stored))
}

fn fits(stored: &str, password: &Secret, memory: &mut [Block]) -> bool {
    let raw = password.expose();
    let typed = Typed {
        raw,
        normal: &normal(raw),
    };
    let scheme = SCHEMES.iter().find(|scheme| scheme.owns(stored));
    if scheme.is_none() {
        tracing::error!("a stored password is of no known scheme");
    }
    scheme.is_some_and(|scheme| scheme.fits(stored, &typed, memory))
}

/// A password in the normal form NFC.
fn normal(password: &str) -> Cow<'_, str> {
    if is_nfc(password) {
        Cow::Borrowed(password)
    } else {
        Cow::Owned(password.nfc().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn verify(hasher: &PasswordHasher, stored: Option<&str>, password: &str) -> bool {
        let stored = stored.map(str::to_owned);
        hasher.verify(stored, Secret::new(password)).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_password_itself_fits() {
        let hasher = PasswordHasher::start(1).unwrap();
        let stored = hasher.hash(Secret::new("Secret123")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is_current(&stored));
        assert!(verify(&hasher, Some(&stored), "Secret123").await);
        assert!(!verify(&hasher, Some(&stored), "secret123").await);
        assert!(!verify(&hasher, Some(&stored), "").await);
        assert!(!verify(&hasher, None, "Secret123").await);
        assert!(!verify(&hasher, Some("no hash"), "no hash").await);
        assert!(!verify(&hasher, Some(&stored), &"a".repeat(LONGEST + 1)).await);
    }

    #[tokio::test]
    async fn a_letter_fits_in_whatever_coding_it_comes() {
        let hasher = PasswordHasher::start(1).unwrap();
        let (composed, decomposed) = ("contrase\u{f1}a", "contrasen\u{303}a");
        let stored = hasher.hash(Secret::new(decomposed)).await.unwrap();
        assert!(verify(&hasher, Some(&stored), composed).await);
        assert!(verify(&hasher, Some(&stored), decomposed).await);
        assert!(!verify(&hasher, Some(&stored), "contrasena").await);
        // Compatible letters are not the same letters.
        let stored = hasher.hash(Secret::new("\u{fb01}nanzas!")).await.unwrap();
        assert!(!verify(&hasher, Some(&stored), "finanzas!").await);
    }

    #[tokio::test]
    async fn a_hash_of_an_older_system_fits_and_is_out_of_date() {
        let hasher = PasswordHasher::start(1).unwrap();
        let stored = ::bcrypt::hash("Secret123", 4).unwrap();
        assert!(verify(&hasher, Some(&stored), "Secret123").await);
        assert!(!verify(&hasher, Some(&stored), "Secret124").await);
        assert!(!is_current(&stored));
        assert!(!is_current(
            "$argon2id$v=19$m=4096,t=1,p=1$YWFhYWFhYWFhYWE$YWFhYWFhYWE"
        ));
    }
}
