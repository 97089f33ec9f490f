//! Sealing the secrets of channels: AES-256-GCM under a named key, bound to the
//! place they are stored in.
//!
//! A sealed value is: length of the key id, key id, nonce (12 bytes), ciphertext
//! and tag. Company, uuid and column are authenticated with it, so that a value
//! copied to another row or column does not open.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chassis::config::Secret;
use uuid::Uuid;

/// Where a sealed value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    App,
    Token,
    Secret,
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Token => "token",
            Self::Secret => "secret",
        }
    }
}

/// The keys of the configuration. Cloning shares them.
#[derive(Clone)]
pub struct Cipher(Arc<Vec<(String, RandomizedNonceKey)>>);

/// The keys cannot be used, or a value does not open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// Nothing was configured.
    #[error("channel.encryption_keys is empty; it needs id:base64 of 32 random bytes")]
    Missing,
    /// What was configured is no key.
    #[error("channel.encryption_keys holds something that is not id:base64 of 32 bytes")]
    Malformed,
    /// The value was sealed by an unknown key, for another place, or was altered.
    #[error("the sealed value does not open")]
    Closed,
}

/// Makes a key for the setting `encryption_keys`.
pub fn generate_key(id: &str) -> Result<Secret, CipherError> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CipherError::Malformed)?;
    Ok(Secret::new(format!("{id}:{}", BASE64.encode(bytes))))
}

impl Cipher {
    /// Reads the keys of the configuration; the first one seals.
    pub fn new(keys: &Secret) -> Result<Self, CipherError> {
        if keys.is_empty() {
            return Err(CipherError::Missing);
        }
        let keys = keys
            .expose()
            .split(',')
            .map(|text| {
                let (id, encoded) = text.trim().split_once(':')?;
                let known = (1..=32).contains(&id.len()).then(|| id.to_owned())?;
                let bytes = BASE64.decode(encoded).ok()?;
                let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()?;
                Some((known, key))
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(CipherError::Malformed)?;
        Ok(Self(Arc::new(keys)))
    }

    /// Seals `plain` for a column of the channel `uuid` of `company`.
    pub(crate) fn seal(
        &self,
        company: i64,
        uuid: Uuid,
        column: Column,
        plain: &str,
    ) -> Result<Vec<u8>, CipherError> {
        let (id, key) = self.0.first().ok_or(CipherError::Missing)?;
        let mut sealed = plain.as_bytes().to_vec();
        let nonce = key
            .seal_in_place_append_tag(place(company, uuid, column), &mut sealed)
            .map_err(|_| CipherError::Closed)?;
        let length = u8::try_from(id.len()).map_err(|_| CipherError::Malformed)?;
        let mut whole = vec![length];
        whole.extend_from_slice(id.as_bytes());
        whole.extend_from_slice(nonce.as_ref());
        whole.extend_from_slice(&sealed);
        Ok(whole)
    }

    /// Opens what [`Cipher::seal`] made for the same place.
    pub(crate) fn open(
        &self,
        company: i64,
        uuid: Uuid,
        column: Column,
        sealed: &[u8],
    ) -> Result<Secret, CipherError> {
        let (length, rest) = sealed.split_first().ok_or(CipherError::Closed)?;
        let (id, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(CipherError::Closed)?;
        let (nonce, sealed) = rest
            .split_at_checked(NONCE_LEN)
            .ok_or(CipherError::Closed)?;
        let (_, key) = self
            .0
            .iter()
            .find(|(known, _)| known.as_bytes() == id)
            .ok_or(CipherError::Closed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CipherError::Closed)?;
        let mut buffer = sealed.to_vec();
        let plain = key
            .open_in_place(nonce, place(company, uuid, column), &mut buffer)
            .map_err(|_| CipherError::Closed)?;
        let text = std::str::from_utf8(plain).map_err(|_| CipherError::Closed)?;
        Ok(Secret::new(text))
    }
}

fn place(company: i64, uuid: Uuid, column: Column) -> Aad<String> {
    Aad::from(format!("{company}|{uuid}|{}", column.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_where_it_was_sealed() {
        let cipher = Cipher::new(&generate_key("k1").unwrap()).unwrap();
        let uuid = Uuid::from_u128(7);
        let sealed = cipher.seal(3, uuid, Column::Token, "EAAB").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"EAAB"));
        let opened = cipher.open(3, uuid, Column::Token, &sealed).unwrap();
        assert_eq!(opened.expose(), "EAAB");
        for (company, id, column) in [
            (4, uuid, Column::Token),
            (3, Uuid::from_u128(8), Column::Token),
            (3, uuid, Column::Secret),
        ] {
            let refused = cipher.open(company, id, column, &sealed);
            assert_eq!(refused.unwrap_err(), CipherError::Closed);
        }
    }

    #[test]
    fn old_keys_open_and_the_first_one_seals() {
        let old = generate_key("k1").unwrap();
        let both = format!("{},{}", generate_key("k2").unwrap().expose(), old.expose());
        let uuid = Uuid::from_u128(7);
        let sealed = Cipher::new(&old)
            .unwrap()
            .seal(3, uuid, Column::App, "12345:ABC")
            .unwrap();
        let rotated = Cipher::new(&Secret::new(both)).unwrap();
        let opened = rotated.open(3, uuid, Column::App, &sealed).unwrap();
        assert_eq!(opened.expose(), "12345:ABC");
        let anew = rotated.seal(3, uuid, Column::App, "12345:ABC").unwrap();
        assert_eq!(&anew[..3], b"\x02k2");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["k1", "k1:abc", ":AAAA", "k1:AAAA"] {
            assert!(Cipher::new(&Secret::new(text)).is_err(), "{text}");
        }
        assert_eq!(
            Cipher::new(&Secret::default()).err(),
            Some(CipherError::Missing)
        );
    }
}
