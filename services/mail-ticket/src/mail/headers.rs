//! Header fields of a mail and the Message-IDs in them.

use std::collections::BTreeMap;

use proto::mail::v1::MailHeader;

/// The longest Message-ID that is kept, in bytes (the longest line of RFC 5322).
const LONGEST_ID: usize = 998;

/// The most Message-IDs of one field that are looked at: the first and the newest.
const MOST_IDS: usize = 100;

/// Header fields, by their names in lower case.
#[derive(Debug, Default)]
pub(crate) struct Headers(BTreeMap<String, Vec<String>>);

impl Headers {
    pub(super) fn read(fields: Vec<MailHeader>) -> Self {
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in fields {
            let name = super::whole(field.name.trim().to_lowercase());
            let values = field.values.into_iter().map(super::whole);
            headers.entry(name).or_default().extend(values);
        }
        Self(headers)
    }

    /// All fields.
    pub(crate) fn all(&self) -> &BTreeMap<String, Vec<String>> {
        &self.0
    }

    /// The values of the fields of a name, which is in lower case.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .get(name)
            .into_iter()
            .flatten()
            .map(|value| value.trim())
    }

    /// The first of them; empty when there is none.
    pub(crate) fn first(&self, name: &str) -> &str {
        self.values(name).next().unwrap_or_default()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).any(|value| !value.is_empty())
    }

    /// The Message-ID without its brackets; some programs forget to write them.
    pub(crate) fn message_id(&self) -> Option<&str> {
        let text = self.first("message-id");
        let id = match ids(text).next() {
            Some(id) => id,
            None => text.trim_matches(['<', '>']),
        };
        is_id(id).then_some(id)
    }

    /// What it answers, then what came before that, the nearest first.
    pub(crate) fn ancestors(&self) -> Vec<&str> {
        let mut found: Vec<&str> = self.values("in-reply-to").flat_map(ids).collect();
        found.truncate(MOST_IDS);
        let references: Vec<&str> = self.values("references").flat_map(ids).collect();
        found.extend(references.iter().rev().take(MOST_IDS - 1));
        found.extend(references.first());
        let mut known = std::collections::HashSet::new();
        found.retain(|id| known.insert(*id));
        found
    }

    /// What the thread began with, as far as this mail knows.
    pub(crate) fn root(&self) -> Option<&str> {
        let named = |name| self.values(name).flat_map(ids).next();
        named("references")
            .or_else(|| named("in-reply-to"))
            .or_else(|| self.message_id())
    }
}

/// The ids in brackets in a field.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>'))
        .map(|(id, _)| id.trim())
        .filter(|id| is_id(id))
}

fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
        && !text.contains(|letter: char| {
            letter.is_whitespace() || letter.is_control() || "<>".contains(letter)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        Headers::read(
            fields
                .iter()
                .map(|(name, value)| MailHeader {
                    name: (*name).to_owned(),
                    values: vec![(*value).to_owned()],
                })
                .collect(),
        )
    }

    #[test]
    fn ancestors_are_nearest_first() {
        let headers = headers(&[
            ("References", "<1@x>\r\n <2@x> <3@x>"),
            ("IN-REPLY-TO", "Mensaje de Ana <3@x>"),
            ("Message-Id", "<4@x>"),
        ]);
        assert_eq!(headers.ancestors(), ["3@x", "2@x", "1@x"]);
        assert_eq!(headers.root(), Some("1@x"));
        assert_eq!(headers.message_id(), Some("4@x"));
    }

    #[test]
    fn what_is_no_id_is_none() {
        for wrong in ["", "<>", "<a b>", "two words", "<"] {
            assert_eq!(
                headers(&[("message-id", wrong)]).message_id(),
                None,
                "{wrong}"
            );
        }
        assert_eq!(headers(&[("message-id", "1@x")]).message_id(), Some("1@x"));
        let long = format!("<{}@x>", "a".repeat(LONGEST_ID));
        assert_eq!(headers(&[("message-id", &long)]).message_id(), None);
        let many = "<a@x> ".repeat(100_000);
        assert_eq!(headers(&[("references", &many)]).ancestors(), ["a@x"]);
    }
}
