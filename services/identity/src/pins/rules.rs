//! What a PIN may be.

use chassis::config::Secret;

/// The digits of a PIN.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=12;

/// Says whether a text is a PIN at all: 4 to 12 digits.
pub fn is_pin(pin: &Secret) -> bool {
    let digits = pin.expose().as_bytes();
    LENGTHS.contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

/// Says whether a PIN is among the first that anybody would try: one group of
/// digits over and over, every digit twice, a run up or down, a year, a date.
pub fn is_trivial(pin: &str) -> bool {
    let digits: Vec<u8> = pin.bytes().map(|byte| byte - b'0').collect();
    repeats(&digits) || doubles(&digits) || runs(&digits) || is_year(&digits) || is_date(&digits)
}

/// 1111, 1212, 123123.
fn repeats(digits: &[u8]) -> bool {
    (1..=digits.len() / 2).any(|length| {
        digits.len().is_multiple_of(length)
            && digits
                .chunks(length)
                .all(|group| group == &digits[..length])
    })
}

/// 1122, 112233.
fn doubles(digits: &[u8]) -> bool {
    digits.len().is_multiple_of(2) && digits.chunks(2).all(|pair| pair[0] == pair[1])
}

/// 1234, 7890, 4321: every digit one, or one less, after the one before; after 9
/// comes 0.
fn runs(digits: &[u8]) -> bool {
    let steps = |by: u8| digits.windows(2).all(|pair| (pair[0] + by) % 10 == pair[1]);
    steps(1) || steps(9)
}

/// 1900 to 2099.
fn is_year(digits: &[u8]) -> bool {
    digits.len() == 4 && matches!(digits[..2], [1, 9] | [2, 0])
}

/// Day, month and year in any usual order, the year with its century.
fn is_date(digits: &[u8]) -> bool {
    if digits.len() != 8 {
        return false;
    }
    let two = |at: usize| digits[at] * 10 + digits[at + 1];
    let day_and_month = |first: u8, second: u8| {
        let fits = |day, month| (1..=31).contains(&day) && (1..=12).contains(&month);
        fits(first, second) || fits(second, first)
    };
    let year_last = is_year(&digits[4..]) && day_and_month(two(0), two(2));
    let year_first = is_year(&digits[..4]) && day_and_month(two(4), two(6));
    year_last || year_first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_4_to_12_digits() {
        for pin in ["4829", "482915", "482915773201"] {
            assert!(is_pin(&Secret::new(pin)), "{pin}");
        }
        for other in [
            "",
            "482",
            "4829157732014",
            "48a9",
            "48 29",
            "４８２９",
            "+482",
        ] {
            assert!(!is_pin(&Secret::new(other)), "{other}");
        }
        assert!(!is_pin(&Secret::new("1".repeat(1024 * 1024))));
    }

    #[test]
    fn what_everybody_tries_is_trivial() {
        for pin in [
            "0000", "777777", "1234", "123456", "6789012", "4321", "9876", "1212", "123123",
            "12341234", "1122", "112233", "1987", "2024", "19870423", "23041987", "04231987",
        ] {
            assert!(is_trivial(pin), "{pin}");
        }
        for pin in [
            "482915", "4829", "1357", "1123", "2580", "39871204", "123478", "1221",
        ] {
            assert!(!is_trivial(pin), "{pin}");
        }
    }
}
