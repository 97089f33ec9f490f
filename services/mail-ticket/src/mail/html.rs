//! HTML of strangers, made safe to show.
//!
//! Scripts, styles, forms, frames and everything that would be fetched from
//! elsewhere go. Links stay. Nothing else in the system shows the original.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Read},
    sync::LazyLock,
    time::{Duration, Instant},
};

use ammonia::{Builder, UrlRelative};

/// How deep elements may nest. The parser walks up what is open at every tag.
const DEEPEST: usize = 256;

/// How many elements the parser may make. It opens every formatting element that a
/// block cut short again in the next one, so that a short text can grow very long.
const MOST_ELEMENTS: usize = 500_000;

/// How long parsing may take; there are ways to be slow that counting does not see.
const LONGEST: Duration = Duration::from_secs(2);

/// How many bytes are parsed between two looks at the time.
const STEP: usize = 64;

/// Elements that have no end.
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements whose end is in general left out, and that end one another.
const SELF_ENDING: &[&str] = &[
    "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup",
    "html", "head", "body",
];

/// Elements that are opened again after a block has cut them short.
const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

/// Elements after which text goes on in a new line.
const BLOCKS: &[&str] = &[
    "br",
    "p",
    "div",
    "tr",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "pre",
    "table",
    "hr",
    "ul",
    "ol",
];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_tags(["font", "u", "big"])
        .add_generic_attributes(["align", "dir"])
        .add_tag_attributes("font", ["color", "size", "face"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing", "width"])
        .add_url_schemes(["cid", "data"])
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(|element, attribute, value| {
            let kept = match (element, attribute) {
                ("img", "src") => is_inside(value),
                (_, "src" | "background" | "longdesc" | "cite") => false,
                (_, "href") => !scheme_is(value, "data") && !scheme_is(value, "cid"),
                _ => true,
            };
            kept.then_some(Cow::Borrowed(value))
        });
    builder
});

/// HTML that is safe to show; none when it is built to cost more than it is worth.
pub(super) fn sanitise(html: &str) -> Option<String> {
    if html.trim().is_empty() || !is_reasonable(html) {
        return None;
    }
    let pieces = Pieces {
        rest: html.as_bytes(),
        began: Instant::now(),
    };
    let clean = SANITISER.clean_from_reader(pieces).ok()?;
    Some(clean.to_string())
}

/// HTML in small pieces, until the time is over.
struct Pieces<'a> {
    rest: &'a [u8],
    began: Instant,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.began.elapsed() > LONGEST {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let length = self.rest.len().min(STEP).min(buffer.len());
        let (piece, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.rest = rest;
        Ok(length)
    }
}

/// A picture that came with the mail.
fn is_inside(source: &str) -> bool {
    const PICTURES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];
    let kind = |source: &str| {
        let rest = source.get("data:".len()..).unwrap_or_default();
        PICTURES.iter().any(|picture| rest.starts_with(picture))
    };
    scheme_is(source, "cid") || (scheme_is(source, "data") && kind(source))
}

fn scheme_is(url: &str, scheme: &str) -> bool {
    url.split_once(':')
        .is_some_and(|(found, _)| found.trim().eq_ignore_ascii_case(scheme))
}

/// Whether parsing costs what its length lets expect.
fn is_reasonable(html: &str) -> bool {
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut depth, mut formatting, mut elements) = (0_usize, 0_usize, 0_usize);
    for tag in html.split('<').skip(1) {
        let (ends, tag) = match tag.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, tag),
        };
        if !tag.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            continue;
        }
        let end = tag
            .find(|letter: char| letter.is_whitespace() || letter == '/' || letter == '>')
            .unwrap_or(tag.len());
        let name = tag[..end].to_ascii_lowercase();
        // Every tag can open again what a block has cut short.
        elements += 1 + formatting;
        if elements > MOST_ELEMENTS {
            return false;
        }
        if VOID.contains(&name.as_str()) || SELF_ENDING.contains(&name.as_str()) {
            continue;
        }
        let formats = usize::from(FORMATTING.contains(&name.as_str()));
        let count = open.entry(name).or_default();
        if !ends {
            *count += 1;
            depth += 1;
            formatting += formats;
        } else if *count > 0 {
            *count -= 1;
            depth -= 1;
            formatting -= formats;
        }
        if depth > DEEPEST {
            return false;
        }
    }
    true
}

/// The words of HTML that was made safe.
pub(super) fn text_of(safe: &str) -> String {
    let mut text = String::with_capacity(safe.len());
    for (nth, part) in safe.split('<').enumerate() {
        let words = if nth == 0 {
            part
        } else {
            let (tag, words) = part.split_once('>').unwrap_or((part, ""));
            let name = tag.trim_start_matches('/');
            let name = name.split([' ', '/']).next().unwrap_or_default();
            if BLOCKS.contains(&name) && !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            words
        };
        // The sanitiser writes no other entities than these.
        let words = words
            .replace("&nbsp;", " ")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&");
        text.push_str(&words);
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(html: &str) -> String {
        sanitise(html).unwrap()
    }

    #[test]
    fn nothing_runs_and_nothing_is_fetched() {
        for hostile in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<img src=\"https://track.test/1.gif\">",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<a href=\" DATA:text/html,<script>alert(1)</script>\">x</a>",
            "<svg><script>alert(1)</script></svg>",
            "<iframe src=//x.test></iframe>",
            "<img src=\"data:image/svg+xml,<svg onload=alert(1)>\">",
            "<style>@import url(//x.test)</style>",
            "<p style=\"background:url(//x.test)\">x</p>",
            "<form action=//x.test><input></form>",
            "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        ] {
            let safe = safe(hostile);
            for sign in [
                "alert(1)\"",
                "<script",
                "onerror",
                "x.test",
                "track.test",
                "javascript:",
                "data:text",
                "svg",
                "<iframe",
                "style",
            ] {
                assert!(!safe.to_lowercase().contains(sign), "{hostile} gave {safe}");
            }
        }
        let kept = safe("<p>a <b>b</b> <a href=\"https://x.test/\">c</a><img src=\"cid:1@x\"></p>");
        assert!(
            kept.contains("<b>b</b>") && kept.contains("https://x.test/"),
            "{kept}"
        );
        assert!(kept.contains("cid:1@x"), "{kept}");
    }

    #[test]
    fn what_costs_too_much_is_not_parsed() {
        assert!(sanitise(&"<div>".repeat(100_000)).is_none());
        assert!(sanitise(&"<div></span>".repeat(100_000)).is_none());
        let opened = (0..200).fold(String::new(), |opened, n| format!("{opened}<b id={n}>"));
        assert!(sanitise(&format!("<p>{opened}{}", "<p>x".repeat(900_000))).is_none());
        // Its ends do not end anything, so that counting is misled.
        let misled = "<b><table><tr><td></b></td></tr></table>".repeat(40_000);
        sanitise(&format!("{misled}{}", "<p>x".repeat(200_000)));
        // Long, but as people write it.
        let long = "<tr><td><font color=red>x</font></td></tr>".repeat(20_000);
        assert!(sanitise(&format!("<table>{long}</table>")).is_some());
    }

    #[test]
    fn words_are_found() {
        let safe = safe("<p>Ol&aacute;&nbsp;a&lt;b</p><div>dos<br>tres &amp;amp;</div>");
        assert_eq!(
            text_of(&safe),
            "Olá\u{a0}a<b\ndos\ntres &amp;".replace('\u{a0}', " ")
        );
    }
}
