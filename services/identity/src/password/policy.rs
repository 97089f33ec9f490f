//! What may be set as a password: long enough, not what everybody tries first,
//! and nothing that is known about its owner. No rules about kinds of letters:
//! they make passwords worse.

use std::{collections::HashSet, sync::LazyLock};

use chassis::FieldViolation;

use super::normal;

const SHORTEST: usize = 8;
const LONGEST: usize = 191;

/// Passwords that are tried first, in lower case; see the README beside it.
static BLOCKED: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("blocked.txt").lines().collect());

/// Judges a password to be set. `forbidden` is what is known about its owner: the
/// login address, of which the part before the `@` counts as well, and the name.
/// Reasons: `TOO_SHORT` (less than 8 characters), `TOO_LONG` (more than 191),
/// `COMMON`, `PERSONAL`.
pub fn check(password: &str, forbidden: &[&str]) -> Result<(), FieldViolation> {
    // More bytes than its letters can have: nobody looks at them one by one.
    if password.len() > LONGEST * 16 {
        return Err(too_long());
    }
    let password = normal(password);
    let characters = password.chars().count();
    if characters < SHORTEST {
        return Err(violation("TOO_SHORT", "must have at least 8 characters"));
    }
    if characters > LONGEST {
        return Err(too_long());
    }
    let lower = password.to_lowercase();
    if forbidden.iter().any(|text| is_known(&lower, text)) {
        let why = "must not be the address or the name of the user";
        return Err(violation("PERSONAL", why));
    }
    if BLOCKED.contains(lower.as_str()) {
        return Err(violation("COMMON", "is one of the most common passwords"));
    }
    Ok(())
}

/// Says whether a password is a text, or the part of it before the `@`.
fn is_known(lower: &str, text: &str) -> bool {
    let text = normal(text.trim()).to_lowercase();
    let local = text.split_once('@').map_or("", |(local, _)| local);
    !text.is_empty() && (lower == text || lower == local)
}

fn too_long() -> FieldViolation {
    violation("TOO_LONG", "must have at most 191 characters")
}

fn violation(reason: &'static str, description: &str) -> FieldViolation {
    FieldViolation {
        field: "password",
        reason,
        description: description.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(password: &str) -> &'static str {
        let forbidden = ["marianela@empresa.com", "Juan Pérez"];
        check(password, &forbidden).map_or_else(|violation| violation.reason, |()| "")
    }

    #[test]
    fn length_is_counted_in_letters() {
        assert_eq!(reason("kq7-zw1"), "TOO_SHORT");
        assert_eq!(reason("kq7-zw1x"), "");
        assert_eq!(reason("ñandúñan"), "");
        // Seven letters, whatever their coding.
        assert_eq!(reason(&"n\u{303}".repeat(7)), "TOO_SHORT");
        assert_eq!(reason(&"xq".repeat(95)), "");
        assert_eq!(reason(&"x".repeat(192)), "TOO_LONG");
        assert_eq!(reason(&"x".repeat(1024 * 1024)), "TOO_LONG");
    }

    #[test]
    fn what_everybody_tries_is_refused() {
        for common in [
            "password",
            "PassWord1",
            "12345678",
            "contraseña",
            "qwertyuiop",
        ] {
            assert_eq!(reason(common), "COMMON", "{common}");
        }
    }

    #[test]
    fn the_passwords_of_the_documents_may_be_set() {
        for documented in ["Secret123", "Secret456", "Nueva123", "}yf,FS<${nB)4s]]S"] {
            assert_eq!(reason(documented), "", "{documented}");
        }
    }

    #[test]
    fn what_is_known_of_the_owner_is_refused() {
        for known in [
            "Marianela@Empresa.com",
            "MARIANELA",
            "juan pérez",
            "Juan Pe\u{301}rez",
        ] {
            assert_eq!(reason(known), "PERSONAL", "{known}");
        }
        assert_eq!(reason("marianela-7x"), "");
    }

    #[test]
    fn the_list_is_in_order() {
        let lines: Vec<&str> = include_str!("blocked.txt").lines().collect();
        assert!(lines.len() > 5000);
        assert!(lines.is_sorted());
        for line in lines {
            assert!(line.chars().count() >= SHORTEST, "{line}");
            assert_eq!(line, line.to_lowercase());
        }
    }
}
