//! Judges what callers send, and keeps every fault in order.

use chassis::FieldViolation;
use time::{Date, Month};

use crate::error::Error;

/// The longest text of a field that says nothing else, in characters.
pub const LINE: usize = 191;

/// The digits before and after the point that an amount may have.
const WHOLE_DIGITS: usize = 14;
const FRACTION_DIGITS: usize = 4;

/// Faults found so far.
#[derive(Default)]
pub struct Faults(Vec<FieldViolation>);

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, field: &'static str, reason: &'static str, description: &str) {
        self.0.push(FieldViolation {
            field,
            reason,
            description: description.to_owned(),
        });
    }

    /// The end: nothing is wrong, or all that is.
    pub fn done(self) -> Result<(), Error> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.0))
        }
    }

    /// Text of `min` to `max` characters that the database can keep.
    pub fn text(&mut self, field: &'static str, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length == 0 && min > 0 {
            self.add(field, "REQUIRED", "must not be empty");
        } else if length < min {
            self.add(field, "TOO_SHORT", &format!("at least {min} characters"));
        } else if length > max {
            self.add(field, "TOO_LONG", &format!("at most {max} characters"));
        } else if text.contains('\0') {
            self.add(field, "FORMAT", "must not contain NUL");
        }
    }

    /// Texts to search for, of any length; the database must be able to take them.
    pub fn searchable(&mut self, fields: &[(&'static str, &str)]) {
        for (field, text) in fields {
            if text.contains('\0') {
                self.add(field, "FORMAT", "must not contain NUL");
            }
        }
    }

    /// A mail address; only its form is judged.
    pub fn email(&mut self, field: &'static str, text: &str) {
        if text.is_empty() {
            self.add(field, "REQUIRED", "must not be empty");
        } else if !is_email(text) {
            self.add(field, "FORMAT", "must be a mail address");
        }
    }

    /// An amount: its canonical form, `0` when it is wrong.
    pub fn amount(&mut self, field: &'static str, text: &str, sign: Sign) -> String {
        if text.is_empty() {
            self.add(field, "REQUIRED", "must not be empty");
        } else if let Some(amount) = canonical(text) {
            if sign == Sign::Any || !amount.starts_with('-') {
                return amount;
            }
            self.add(field, "NEGATIVE", "must not be negative");
        } else {
            self.add(
                field,
                "FORMAT",
                "must be a decimal number of at most 14 digits before and 4 after the point",
            );
        }
        "0".to_owned()
    }

    /// A day `YYYY-MM-DD`.
    pub fn day(&mut self, field: &'static str, text: &str) -> Date {
        if text.is_empty() {
            self.add(field, "REQUIRED", "must not be empty");
        } else if let Some(day) = day(text) {
            return day;
        } else {
            self.add(field, "FORMAT", "must be a day, YYYY-MM-DD");
        }
        Date::MIN
    }
}

/// Which amounts are welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Any,
    NotNegative,
}

/// Says whether a text can be a mail address at all: something on either side of
/// one `@`, and no blanks.
pub fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    text.chars().count() <= LINE
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// A decimal number without superfluous digits, such as `150.75` for `+0150.750`.
fn canonical(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() > WHOLE_DIGITS || fraction.len() > FRACTION_DIGITS {
        return None;
    }
    let zero = whole.is_empty() && fraction.is_empty();
    let mut amount = String::with_capacity(text.len() + 1);
    if negative && !zero {
        amount.push('-');
    }
    amount.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        amount.push('.');
        amount.push_str(fraction);
    }
    Some(amount)
}

/// A day of the years 1 to 9999 as `YYYY-MM-DD`.
pub fn day(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' || !text.is_ascii() {
        return None;
    }
    let number = |part: &str| -> Option<u16> {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    };
    let month = u8::try_from(number(&text[5..7])?).ok()?;
    let of_month = u8::try_from(number(&text[8..])?).ok()?;
    let year = number(&text[..4]).filter(|year| *year > 0)?;
    Date::from_calendar_date(year.into(), Month::try_from(month).ok()?, of_month).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_canonical() {
        for (text, amount) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("150.75", "150.75"),
            ("+0150.7500", "150.75"),
            (".5", "0.5"),
            ("7.", "7"),
            ("-99999999999999.9999", "-99999999999999.9999"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(amount), "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "1e3",
            "1,5",
            "0.00001",
            "100000000000000",
            "١",
            "NaN",
            " 1",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_of_the_calendar() {
        assert!(day("2024-02-29").is_some());
        for text in [
            "2023-02-29",
            "2024-13-01",
            "24-1-1",
            "2024-12-15 00:00:00",
            "0000-01-01",
            "+024-01-01",
            "2024-é-1",
        ] {
            assert!(day(text).is_none(), "{text}");
        }
    }
}
