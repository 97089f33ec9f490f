//! Telephone numbers: digits with country code, one form for each number.

/// The country code of numbers written without one (Costa Rica).
const DEFAULT_COUNTRY: &str = "506";

/// How many digits a number of Costa Rica has.
const DEFAULT_LENGTH: usize = 8;

/// The number that somebody wrote: a plus sign or 00, spaces, dashes, dots,
/// slashes and brackets are accepted. `None` when it is no number with 8 to 15
/// digits (E.164).
pub(crate) fn normalise(written: &str) -> Option<String> {
    let mut digits = String::with_capacity(15);
    let mut international = false;
    for (place, c) in written.trim().chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if place == 0 => international = true,
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2011}' => {}
            _ => return None,
        }
    }
    if let Some(rest) = digits.strip_prefix("00").filter(|_| !international) {
        digits = rest.to_owned();
        international = true;
    }
    if !international && digits.len() == DEFAULT_LENGTH {
        digits.insert_str(0, DEFAULT_COUNTRY);
    }
    let fits = (8..=15).contains(&digits.len()) && !digits.starts_with('0');
    fits.then(|| canonical(&digits))
}

/// The one form of numbers that providers write in two: mobiles of Brazil with
/// and without their ninth digit, numbers of Mexico with and without the 1 that
/// mobiles used to have.
pub(crate) fn canonical(digits: &str) -> String {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.to_owned();
    }
    if let Some(national) = digits
        .strip_prefix("55")
        .filter(|national| national.len() == 10)
    {
        let (area, subscriber) = national.split_at(2);
        if subscriber.starts_with(['6', '7', '8', '9']) {
            return format!("55{area}9{subscriber}");
        }
    }
    if let Some(national) = digits
        .strip_prefix("521")
        .filter(|national| national.len() == 10)
    {
        return format!("52{national}");
    }
    digits.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for (written, expected) in [
            ("50688888888", "50688888888"),
            ("+506 8888-8888", "50688888888"),
            ("00506 8888 8888", "50688888888"),
            ("(506) 8888.8888", "50688888888"),
            ("8888-8888", "50688888888"),
            (" 8888 8888 ", "50688888888"),
            ("+1 (212) 555-0100", "12125550100"),
            ("+49 30/901820", "4930901820"),
            // Brazil: the ninth digit of mobiles, never for landlines.
            ("+55 11 98765-4321", "5511987654321"),
            ("+55 11 8765-4321", "5511987654321"),
            ("+55 11 3765-4321", "551137654321"),
            // Mexico: the former 1 of mobiles.
            ("+52 1 55 1234 5678", "525512345678"),
            ("+52 55 1234 5678", "525512345678"),
        ] {
            assert_eq!(normalise(written).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for written in [
            "",
            "+",
            "abc",
            "8888888",
            "1234567890123456",
            "506+88888888",
            "８８８８８８８８",
            "0888888888",
            "88888888'; DROP TABLE guest",
        ] {
            assert_eq!(normalise(written), None, "{written}");
        }
    }
}
