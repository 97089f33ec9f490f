//! Files that the reading system keeps, and the paths it gives them.

use std::sync::LazyLock;

use proto::mail::v1::MailAttachment;

use super::{line, wrong};
use crate::error::Error;

/// The most files of a mail.
const MOST: usize = 200;

/// The longest path in bytes.
const LONGEST_ROUTE: usize = 1024;

/// The longest name and type that are kept, in characters.
const LONGEST_NAME: usize = 255;

/// The names of the path fields, as refusals name them.
static ROUTES: LazyLock<Vec<String>> = LazyLock::new(|| {
    (0..MOST)
        .map(|nth| format!("attachments.{nth}.route"))
        .collect()
});

/// A file of a mail.
#[derive(Debug)]
pub(crate) struct Attachment {
    /// Without any folder.
    pub(crate) name: String,
    /// Relative to what the system keeps; does not leave it.
    pub(crate) route: String,
    pub(crate) media_type: String,
}

/// Reads the files of a mail.
pub(super) fn read(files: &[MailAttachment]) -> Result<Vec<Attachment>, Error> {
    if files.len() > MOST {
        return Err(wrong("attachments", "TOO_MANY", "are more than 200"));
    }
    files
        .iter()
        .zip(ROUTES.iter())
        .map(|(file, field)| {
            if !stays_inside(&file.route) {
                return Err(wrong(field, "INVALID", "is no relative path"));
            }
            Ok(Attachment {
                name: name(&file.name),
                route: file.route.clone(),
                media_type: line(&file.r#type, LONGEST_NAME),
            })
        })
        .collect()
}

/// Whether a path stays where it is relative to, on every system.
fn stays_inside(route: &str) -> bool {
    let first = route.split('/').next().unwrap_or_default();
    !route.is_empty()
        && route.len() <= LONGEST_ROUTE
        && !route.contains(|letter: char| letter.is_control() || letter == '\\')
        // Absolute, a URL, or a drive.
        && !first.is_empty()
        && !first.contains(':')
        && route.split('/').all(|part| part.trim() != "..")
}

/// The name alone, whatever folders somebody put in front of it.
fn name(text: &str) -> String {
    let text = line(text, usize::MAX);
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    match line(last, LONGEST_NAME) {
        name if name.is_empty() || name == "." || name == ".." => "archivo".to_owned(),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for fine in [
            "logs/error_log.txt",
            "a",
            "a/b..c/d",
            "100%.pdf",
            "año/ñ.txt",
        ] {
            assert!(stays_inside(fine), "{fine}");
        }
        for wrong in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "a/.. /x",
            "a\\..\\x",
            "C:/x",
            "file:///etc/passwd",
            "http://x.test/",
            "a\0b",
            "a\nb",
        ] {
            assert!(!stays_inside(wrong), "{wrong:?}");
        }
        assert!(!stays_inside(&"a".repeat(LONGEST_ROUTE + 1)));
    }

    #[test]
    fn names_have_no_folders() {
        assert_eq!(name("../../etc/passwd"), "passwd");
        assert_eq!(name("C:\\x\\y.txt"), "y.txt");
        assert_eq!(name(".."), "archivo");
        assert_eq!(name("a\r\nX: b.txt"), "a  X: b.txt");
    }
}
