//! Numbers as people write them, and texts that are too long for one message.

/// The digits of a phone number with country code, however it is written: `+506 8888-8888`,
/// `0050688888888`, `50688888888`.
pub(super) fn phone(text: &str) -> Option<String> {
    let text = text.trim();
    let international = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
    let mut digits = String::new();
    for c in international.unwrap_or(text).chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '(' | ')' | '.' | '\u{a0}' => {}
            _ => return None,
        }
    }
    ((7..=15).contains(&digits.len()) && !digits.starts_with('0')).then_some(digits)
}

/// Cuts a text into pieces of at most `most` UTF-16 units, which is how Telegram counts, at the
/// end of a line or word where there is one in the last quarter of a piece. Nothing is lost but
/// the blank at a cut.
pub(super) fn split(text: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(fits) = overflow(rest, most) {
        let (head, _) = rest.split_at(fits);
        let earliest = fits - fits / 4;
        let cut = ['\n', ' ']
            .into_iter()
            .filter_map(|blank| head.rfind(blank))
            .find(|at| *at >= earliest && *at > 0);
        let (piece, after) = match cut {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => rest.split_at(fits),
        };
        if !piece.trim().is_empty() {
            pieces.push(piece);
        }
        rest = after;
    }
    if !rest.trim().is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// How many bytes of a text fit into `most` units; none when all of it does.
fn overflow(text: &str, most: usize) -> Option<usize> {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > most {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for written in [
            "+506 8888-8888",
            "50688888888",
            "0050688888888",
            " (506) 8888.8888 ",
        ] {
            assert_eq!(phone(written).as_deref(), Some("50688888888"), "{written}");
        }
        for none in [
            "",
            "hola",
            "+506",
            "123456",
            "1234567890123456",
            "5068888x888",
        ] {
            assert_eq!(phone(none), None, "{none}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        let text = format!("{} {}", "a".repeat(4000), "b".repeat(4000));
        let pieces = split(&text, 4096);
        assert_eq!(pieces, ["a".repeat(4000), "b".repeat(4000)]);
    }

    proptest! {
        #[test]
        fn pieces_fit_and_nothing_but_blanks_is_lost(text in "[a-z \n\u{1F600}ñ]{0,200}") {
            let pieces = split(&text, 16);
            for piece in &pieces {
                prop_assert!(piece.encode_utf16().count() <= 16);
                prop_assert!(!piece.trim().is_empty());
            }
            let letters = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(letters(&pieces.concat()), letters(&text));
        }
    }
}
