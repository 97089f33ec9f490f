//! Passwords that came from an older system with bcrypt. They are verified, and
//! stored anew in the present way after a login; new ones are never made.

use argon2::Block;

use super::scheme::{Scheme, Typed};

/// The greatest work that is done for one, as a power of two: about a second.
const GREATEST_COST: u8 = 14;

/// The least that the format knows.
const LEAST_COST: u8 = 4;

/// `$2y$` of PHP and `$2b$` of everybody else are the same.
pub struct Bcrypt;

impl Scheme for Bcrypt {
    fn owns(&self, stored: &str) -> bool {
        stored.starts_with("$2y$") || stored.starts_with("$2b$")
    }

    fn fits(&self, stored: &str, password: &Typed<'_>, _memory: &mut [Block]) -> bool {
        if !is_granted(stored) {
            tracing::error!("a stored bcrypt hash cannot be read or asks for too much work");
            return false;
        }
        // The older system took the bytes as they came, and the first 72 of them.
        ::bcrypt::verify(password.raw, stored).unwrap_or_else(|error| {
            tracing::error!(%error, "a stored bcrypt hash cannot be verified");
            false
        })
    }

    fn is_current(&self, _stored: &str) -> bool {
        false
    }
}

/// `$2y$12$` and 53 letters, and the 12 within bounds.
fn is_granted(stored: &str) -> bool {
    let cost = stored
        .get(4..6)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse::<u8>().ok());
    stored.len() == 60
        && stored.is_ascii()
        && stored.as_bytes()[6] == b'$'
        && cost.is_some_and(|cost| (LEAST_COST..=GREATEST_COST).contains(&cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(stored: &str, password: &str) -> bool {
        let typed = Typed {
            raw: password,
            normal: password,
        };
        Bcrypt.owns(stored) && Bcrypt.fits(stored, &typed, &mut [])
    }

    #[test]
    fn hashes_of_an_older_system_verify() {
        let made = ::bcrypt::hash_with_result("Secret123", 4).unwrap();
        for version in [::bcrypt::Version::TwoY, ::bcrypt::Version::TwoB] {
            let stored = made.format_for_version(version);
            assert!(fits(&stored, "Secret123"), "{stored}");
            assert!(!fits(&stored, "secret123"), "{stored}");
        }
    }

    #[test]
    fn greedy_and_broken_hashes_fit_nothing() {
        let stored = ::bcrypt::hash_with_result("Secret123", 4)
            .unwrap()
            .format_for_version(::bcrypt::Version::TwoY);
        for changed in [
            stored.replacen("$04$", "$15$", 1),
            stored.replacen("$04$", "$31$", 1),
            stored.replacen("$04$", "$+4$", 1),
            stored.replacen("$04$", "$03$", 1),
            stored[..59].to_owned(),
            format!("{stored}a"),
            stored.replacen("$2y$", "$2x$", 1),
            format!("{}ñ", &stored[..58]),
            "$2y$".to_owned(),
        ] {
            assert!(!fits(&changed, "Secret123"), "{changed}");
        }
    }
}
