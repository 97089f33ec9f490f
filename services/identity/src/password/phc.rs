//! PHC strings: what is stored of a password. Parameters are read within bounds,
//! since whoever can write to the table could ask for any amount of memory.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};

use super::scheme::{Scheme, Typed};
use crate::error::Error;

/// The longest string that is looked at.
const LONGEST: usize = 256;

/// The most memory, in KiB, passes and lanes that a stored string may ask for.
const MOST_MEMORY: u32 = 128 * 1024;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 8;

/// 19 MiB, 2 passes, 1 lane: what OWASP recommends at least.
const PARAMS: Params = Params::DEFAULT;

/// Blocks of 1 KiB that one hash works on.
pub fn blocks() -> usize {
    PARAMS.block_count()
}

/// Hashes a password with a new salt.
pub fn hash(password: &[u8], memory: &mut [Block]) -> Result<String, Error> {
    let salt = random::<16>()?;
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
        .hash_password_into_with_memory(password, &salt, &mut output, memory)
        .map_err(|_| Error::Crypto("hashing a password"))?;
    encode(&salt, &output)
}

/// A string with the present parameters that no password fits.
pub fn unmatchable() -> Result<String, Error> {
    encode(
        &random::<16>()?,
        &random::<{ Params::DEFAULT_OUTPUT_LEN }>()?,
    )
}

/// The present way to store passwords.
pub struct Argon2id;

impl Scheme for Argon2id {
    fn owns(&self, stored: &str) -> bool {
        stored.starts_with("$argon2id$")
    }

    fn fits(&self, stored: &str, password: &Typed<'_>, memory: &mut [Block]) -> bool {
        let Some(stored) = Stored::parse(stored) else {
            tracing::error!("a stored password hash cannot be read");
            return false;
        };
        let fits = stored.fits(password.normal.as_bytes(), memory);
        fits.unwrap_or_else(|error| {
            tracing::error!(%error, "a stored password hash cannot be verified");
            false
        })
    }

    fn is_current(&self, stored: &str) -> bool {
        Stored::parse(stored).is_some_and(|stored| {
            let params = (
                stored.params.m_cost(),
                stored.params.t_cost(),
                stored.params.p_cost(),
            );
            stored.version == Version::V0x13
                && stored.output.len() == Params::DEFAULT_OUTPUT_LEN
                && params == (PARAMS.m_cost(), PARAMS.t_cost(), PARAMS.p_cost())
        })
    }
}

struct Stored {
    params: Params,
    version: Version,
    salt: Salt,
    output: Output,
}

impl Stored {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let parsed = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let bounded = params.m_cost() <= MOST_MEMORY
            && params.t_cost() <= MOST_PASSES
            && params.p_cost() <= MOST_LANES;
        if !bounded || parsed.algorithm != Algorithm::Argon2id.ident() {
            return None;
        }
        Some(Self {
            params,
            version: parsed.version?.try_into().ok()?,
            salt: parsed.salt?,
            output: parsed.hash?,
        })
    }

    fn fits(&self, password: &[u8], memory: &mut [Block]) -> Result<bool, argon2::Error> {
        let argon = Argon2::new(Algorithm::Argon2id, self.version, self.params.clone());
        let mut output = vec![0; self.output.len()];
        // Imported hashes may need more than the threads keep.
        if self.params.block_count() > memory.len() {
            argon.hash_password_into(password, &self.salt, &mut output)?;
        } else {
            argon.hash_password_into_with_memory(password, &self.salt, &mut output, memory)?;
        }
        Ok(verify_slices_are_equal(&output, self.output.as_bytes()).is_ok())
    }
}

fn encode(salt: &[u8], output: &[u8]) -> Result<String, Error> {
    let broken = |_| Error::Crypto("writing a password hash");
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&PARAMS).map_err(|_| Error::Crypto("parameters"))?,
        salt: Some(Salt::new(salt).map_err(broken)?),
        hash: Some(Output::new(output).map_err(broken)?),
    };
    Ok(hash.to_string())
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto("randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_and_foreign_parameters_are_not_followed() {
        let usual = unmatchable().unwrap();
        assert!(Stored::parse(&usual).is_some());
        for (from, to) in [
            ("m=19456", "m=4000000"),
            ("t=2", "t=4000000"),
            ("p=1", "p=200"),
            ("argon2id", "argon2d"),
            ("v=19", "v=99"),
            ("$m=", "$x=1,m="),
        ] {
            let changed = usual.replacen(from, to, 1);
            assert_ne!(changed, usual);
            assert!(Stored::parse(&changed).is_none(), "{changed}");
        }
        assert!(Stored::parse("").is_none());
        assert!(Stored::parse(&usual.repeat(9)).is_none());
    }

    #[test]
    fn stored_hashes_with_other_parameters_still_verify() {
        let params = Params::new(24 * 1024, 1, 1, Some(32)).unwrap();
        let mut output = [0; 32];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        argon
            .hash_password_into(b"old secret", b"salt of 16 bytes", &mut output)
            .unwrap();
        let stored = Stored {
            params,
            version: Version::V0x13,
            salt: Salt::new(b"salt of 16 bytes").unwrap(),
            output: Output::new(&output).unwrap(),
        };
        let mut memory = vec![Block::new(); blocks()];
        assert!(stored.fits(b"old secret", &mut memory).unwrap());
        assert!(!stored.fits(b"new secret", &mut memory).unwrap());
    }
}
