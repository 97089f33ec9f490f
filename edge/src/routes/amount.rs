//! Decimal numbers on the wire: exactly as they are stored, whole ones without
//! fraction. A float would round them.

use serde_json::value::RawValue;

use crate::errors::Failure;

/// The number that a service wrote as text.
pub fn amount(text: &str) -> Result<Box<RawValue>, Failure> {
    let short = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => text.trim_end_matches('0'),
        None => text,
    };
    let digits = short.strip_prefix('-').unwrap_or(short);
    let number = digits.starts_with(|first: char| first.is_ascii_digit());
    RawValue::from_string(short.to_owned())
        .ok()
        .filter(|_| number)
        .ok_or_else(|| {
            tracing::error!(text, "a service answered a number that is none");
            Failure::internal()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit_and_no_more() {
        for (text, wire) in [
            ("0", "0"),
            ("150.75", "150.75"),
            ("49.9000", "49.9"),
            ("10.0000", "10"),
            ("-0.5", "-0.5"),
            ("99999999999999.9999", "99999999999999.9999"),
            ("100", "100"),
        ] {
            assert_eq!(amount(text).unwrap().get(), wire);
        }
        for text in ["", "NaN", "null", "{}", "1e", "\"1\"", "-"] {
            assert!(amount(text).is_err(), "{text}");
        }
    }
}
