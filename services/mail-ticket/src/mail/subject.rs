//! What a subject says beside its words.

/// What mail programs put in front of an answer or a forwarded mail.
const PREFIXES: &[&str] = &[
    "re", "rv", "aw", "wg", "fw", "fwd", "sv", "vs", "antw", "res", "enc", "rif", "tr", "odp",
];

/// The longest number, in digits.
const LONGEST_NUMBER: usize = 18;

/// The most numbers that are looked at.
const MOST_NUMBERS: usize = 5;

/// The ticket numbers of a subject, written `[#132]`, in order.
pub(crate) fn numbers(subject: &str) -> Vec<i64> {
    subject
        .split("[#")
        .skip(1)
        .filter_map(|part| part.split_once(']'))
        .filter(|(digits, _)| {
            (1..=LONGEST_NUMBER).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
        .filter_map(|(digits, _)| digits.parse().ok())
        .take(MOST_NUMBERS)
        .collect()
}

/// The words of a subject: without prefixes and ticket numbers, in lower case, one
/// blank between them.
pub(crate) fn squeezed(subject: &str) -> String {
    let mut rest = subject.to_lowercase();
    while let Some(start) = rest.find("[#") {
        let end = rest[start..].find(']').map(|end| start + end + 1);
        let Some(end) = end else { break };
        rest.replace_range(start..end, " ");
    }
    let mut rest = rest.trim();
    while let Some((word, after)) = rest.split_once(':') {
        // "Re[2]:" counts the answers.
        let word = word.split('[').next().unwrap_or_default().trim();
        if !PREFIXES.contains(&word) {
            break;
        }
        rest = after.trim_start();
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_brackets() {
        assert_eq!(numbers("Re: [#132] prueba [#7]"), [132, 7]);
        for none in [
            "#132",
            "[#]",
            "[#12",
            "[#1x]",
            "[132]",
            "[#9999999999999999999]",
        ] {
            assert!(numbers(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn answers_have_the_same_words() {
        for answer in [
            "RE: Prueba  1",
            "Rv: re[2]: [#132] prueba 1",
            "prueba 1",
            "AW:Prueba 1",
        ] {
            assert_eq!(squeezed(answer), "prueba 1", "{answer}");
        }
        assert_eq!(squeezed("Nota: prueba"), "nota: prueba");
        assert_eq!(squeezed("[# sin fin"), "[# sin fin");
    }
}
