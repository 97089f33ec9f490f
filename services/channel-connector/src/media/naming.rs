//! What a file is, by its first bytes, and a name for it that nobody can guess.

use infer::MatcherType;

use crate::error::{Error, Result};

/// Endings that a plain text keeps.
const TEXTS: [&str; 7] = ["csv", "ics", "json", "log", "md", "txt", "vcf"];

/// What a file of a guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The first word of its name.
    pub(super) word: &'static str,
    pub(super) mime: &'static str,
    /// Without the dot.
    pub(super) extension: &'static str,
}

/// Judges a file by its first bytes. The kind of the message chooses the word only when the
/// bytes agree; of the name that the guest gave, a known ending of a plain text is all that
/// counts.
pub(super) fn look(kind: &str, name: &str, head: &[u8]) -> Look {
    let Some(found) = infer::get(head) else {
        return unknown(name, head);
    };
    let word = match (kind, found.matcher_type()) {
        ("image", MatcherType::Image) => "photo",
        ("sticker", MatcherType::Image | MatcherType::Video) => "sticker",
        ("video", MatcherType::Video) => "video",
        // A voice in a container for films is none the less a voice.
        ("audio", MatcherType::Audio | MatcherType::Video) => "audio",
        ("voice", MatcherType::Audio | MatcherType::Video) => "voice",
        _ => "document",
    };
    Look {
        word,
        mime: found.mime_type(),
        extension: found.extension(),
    }
}

fn unknown(name: &str, head: &[u8]) -> Look {
    let (mime, extension) = if is_text(head) {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let known = TEXTS.iter().find(|text| text.eq_ignore_ascii_case(ending));
        ("text/plain", known.copied().unwrap_or("txt"))
    } else {
        ("application/octet-stream", "bin")
    };
    Look {
        word: "document",
        mime,
        extension,
    }
}

/// Says whether the beginning of a file reads as text; it may end within a character.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or("\0")
        }
        Err(_) => return false,
    };
    let odd = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n' | '\u{c}');
    !text.contains(odd)
}

/// A name with 128 random bits.
pub(super) fn unguessable(word: &str, extension: &str) -> Result<String> {
    let mut random = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::Defect("no randomness".into()))?;
    Ok(format!("{word}_{}.{extension}", hex::encode(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(kind: &str, name: &str, head: &[u8]) -> (&'static str, &'static str, &'static str) {
        let look = look(kind, name, head);
        (look.word, look.mime, look.extension)
    }

    #[test]
    fn the_bytes_decide_and_not_what_is_said_of_them() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF";
        assert_eq!(looked("image", "", jpeg), ("photo", "image/jpeg", "jpg"));
        let page = b"<!DOCTYPE html><script>alert(1)</script>";
        assert_eq!(
            looked("image", "a.jpg", page),
            ("document", "text/html", "html")
        );
        let drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>";
        assert_eq!(
            looked("image", "a.svg", drawing),
            ("document", "text/plain", "txt")
        );
        assert_eq!(looked("document", "a.pdf", b"%PDF-1.7").2, "pdf");
        assert_eq!(looked("voice", "", b"OggS\0\x02").0, "voice");
    }

    #[test]
    fn plain_texts_keep_a_known_ending_and_nothing_else() {
        for (name, ending) in [
            ("precios.CSV", "csv"),
            ("../../etc/passwd", "txt"),
            ("a.html", "txt"),
            ("", "txt"),
        ] {
            assert_eq!(
                looked("document", name, "añ,b\n".as_bytes()).2,
                ending,
                "{name}"
            );
        }
        // Cut within a character.
        assert_eq!(looked("document", "", &"año".as_bytes()[..2]).2, "txt");
        assert_eq!(looked("document", "a.csv", b"a\0b").2, "bin");
        assert_eq!(looked("document", "a.csv", b"a\xffb").2, "bin");
    }

    #[test]
    fn names_differ_in_128_bits() {
        let (one, other) = (unguessable("photo", "jpg"), unguessable("photo", "jpg"));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), "photo_".len() + 32 + ".jpg".len());
    }
}
