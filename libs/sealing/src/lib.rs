//! Secrets encrypted at rest: AES-256-GCM under a named key, bound to the place
//! they are stored in.
//!
//! A sealed value is: length of the key id, key id, nonce (12 bytes), ciphertext
//! and tag. The place (such as `channel|3|<uuid>|token`) is authenticated with
//! it, so that a value copied to another row or column does not open.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chassis::config::Secret;

/// The longest id of a key, in bytes.
const LONGEST_ID: usize = 32;

/// The keys of a configuration: the first one seals, all of them open. Cloning
/// shares them.
#[derive(Clone)]
pub struct Sealer(Arc<[(String, RandomizedNonceKey)]>);

/// The keys cannot be used, or a value does not open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Nothing was configured.
    #[error("{0} is empty; it needs `id:base64 of 32 random bytes`")]
    Missing(&'static str),
    /// What was configured is no key.
    #[error("{0} holds something that is not `id:base64 of 32 bytes`")]
    Malformed(&'static str),
    /// The system gave no randomness.
    #[error("the system has no randomness")]
    NoRandomness,
    /// The value was sealed by an unknown key, for another place, or was altered.
    #[error("the sealed value does not open")]
    Closed,
}

/// Makes a key called `id` for a configuration.
pub fn generate_key(id: &str) -> Result<Secret, SealError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
    Ok(Secret::new(format!("{id}:{}", BASE64.encode(bytes))))
}

impl Sealer {
    /// Reads the keys of the setting `name`: `id:base64 of 32 bytes`, several
    /// separated by commas.
    pub fn new(name: &'static str, keys: &Secret) -> Result<Self, SealError> {
        if keys.is_empty() {
            return Err(SealError::Missing(name));
        }
        keys.expose()
            .split(',')
            .map(|text| {
                let (id, encoded) = text.trim().split_once(':')?;
                let bytes = BASE64.decode(encoded).ok()?;
                let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()?;
                (1..=LONGEST_ID)
                    .contains(&id.len())
                    .then(|| (id.to_owned(), key))
            })
            .collect::<Option<Vec<_>>>()
            .map(|keys| Self(keys.into()))
            .ok_or(SealError::Malformed(name))
    }

    /// Seals `plain` for a place.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, key) = self.0.first().ok_or(SealError::Closed)?;
        let mut text = plain.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(place), &mut text)
            .map_err(|_| SealError::NoRandomness)?;
        let length = u8::try_from(id.len()).map_err(|_| SealError::Closed)?;
        Ok([&[length], id.as_bytes(), nonce.as_ref(), &text].concat())
    }

    /// Opens what was sealed for the same place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.try_open(place, sealed).ok_or(SealError::Closed)
    }

    /// Opens a text that was sealed for the same place.
    pub fn open_text(&self, place: &str, sealed: &[u8]) -> Result<Secret, SealError> {
        let text = String::from_utf8(self.open(place, sealed)?).map_err(|_| SealError::Closed)?;
        Ok(Secret::new(text))
    }

    fn try_open(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (length, rest) = sealed.split_first()?;
        let (id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        let (_, key) = self.0.iter().find(|(known, _)| known.as_bytes() == id)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = key
            .open_in_place(nonce, Aad::from(place), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &Secret) -> Sealer {
        Sealer::new("test.encryption_keys", keys).unwrap()
    }

    #[test]
    fn a_secret_opens_only_where_it_was_sealed() {
        let keys = generate_key("k1").unwrap();
        let sealed = sealer(&keys).seal("channel|3|token", b"EAAB").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"EAAB"));
        assert_eq!(
            sealer(&keys)
                .open_text("channel|3|token", &sealed)
                .unwrap()
                .expose(),
            "EAAB"
        );
        assert_eq!(
            sealer(&keys).open("channel|4|token", &sealed),
            Err(SealError::Closed)
        );
        let other = generate_key("k1").unwrap();
        assert_eq!(
            sealer(&other).open("channel|3|token", &sealed),
            Err(SealError::Closed)
        );
        for cut in 0..sealed.len() {
            assert!(
                sealer(&keys)
                    .open("channel|3|token", &sealed[..cut])
                    .is_err()
            );
        }
    }

    #[test]
    fn old_keys_open_and_the_first_one_seals() {
        let old = generate_key("k1").unwrap();
        let new = generate_key("k2").unwrap();
        let both = Secret::new(format!("{},{}", new.expose(), old.expose()));
        let sealed = sealer(&old).seal("x", b"value").unwrap();
        assert_eq!(sealer(&both).open("x", &sealed).unwrap(), b"value");
        assert!(sealer(&new).open("x", &sealed).is_err());
        let anew = sealer(&both).seal("x", b"value").unwrap();
        assert_eq!(sealer(&new).open("x", &anew).unwrap(), b"value");
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        for text in ["k1", "k1:abc", ":AAAA", "k1:AAAA", ","] {
            let error = Sealer::new("test.encryption_keys", &Secret::new(text))
                .err()
                .unwrap();
            assert_eq!(
                error,
                SealError::Malformed("test.encryption_keys"),
                "{text}"
            );
        }
        let missing = Sealer::new("test.encryption_keys", &Secret::default()).err();
        assert_eq!(missing, Some(SealError::Missing("test.encryption_keys")));
    }
}
