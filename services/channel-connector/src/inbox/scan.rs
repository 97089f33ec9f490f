//! Which accounts a body of Meta names, found in one pass over its bytes without
//! building anything of it.
//!
//! The pass knows strings and nesting, no more: a text of a customer that looks
//! like a field is inside a string and is not taken for one. What it finds only
//! chooses which secrets are tried; a signature decides.

use std::borrow::Cow;

/// No real body names more; the worker checks the signature of what lies beyond.
const MOST_ACCOUNTS: usize = 256;

/// Ids of Meta are digits; names of accounts of other providers are longer.
const LONGEST_ID: usize = 191;

/// The accounts of a body, each once, in the order they appear.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    /// `metadata.phone_number_id`, wherever it is.
    pub(super) phone_numbers: Vec<String>,
    /// `entry[].id`: business account, page or Instagram account.
    pub(super) entries: Vec<String>,
}

impl Accounts {
    /// All of them, phone numbers first.
    pub(super) fn all(&self) -> Vec<String> {
        self.phone_numbers
            .iter()
            .chain(&self.entries)
            .cloned()
            .collect()
    }

    /// The first one, to find the body again by.
    pub(super) fn first(&self) -> &str {
        let first = self.phone_numbers.first().or(self.entries.first());
        first.map_or("", String::as_str)
    }
}

/// The depth of the objects in the list `entry` of the body.
const ENTRY_DEPTH: usize = 3;

/// Scans a body.
pub(super) fn accounts(body: &[u8]) -> Accounts {
    let mut found = Accounts::default();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = string_end(body, at);
                let list = match body.get(at..end) {
                    Some(b"phone_number_id") => Some(&mut found.phone_numbers),
                    Some(b"id") if depth == ENTRY_DEPTH => Some(&mut found.entries),
                    _ => None,
                };
                at = end + 1;
                if let Some(list) = list
                    && let Some(value) = value_after_colon(body, at)
                    && list.len() < MOST_ACCOUNTS
                    && !list.iter().any(|known| *known == value)
                {
                    list.push(value.into_owned());
                }
            }
            _ => {}
        }
    }
    found
}

/// Where the string that begins at `start` ends: at its closing quote or the end of the body.
fn string_end(body: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    body.len()
}

/// The string or number after a colon, if the key before `at` has one.
fn value_after_colon(body: &[u8], at: usize) -> Option<Cow<'_, str>> {
    let rest = body.get(at..)?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    let raw = if let Some(string) = rest.strip_prefix(b"\"") {
        let end = string_end(string, 0);
        // A body that was cut off names no account with what is left of one.
        string.get(end)?;
        string.get(..end)?
    } else {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest.get(..digits)?
    };
    let plain = (1..=LONGEST_ID).contains(&raw.len())
        && raw
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'\\');
    plain.then(|| String::from_utf8_lossy(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn every_number_of_a_batch_is_found_once() {
        let body = br#"{"object":"whatsapp_business_account","entry":[
            {"id":"9","changes":[{"value":{"metadata":{"phone_number_id" : "1"}}},
                                 {"value":{"metadata":{"phone_number_id":"2"},"messages":[{"id":"wamid.x"}]}}]},
            {"id":7,"changes":[{"value":{"metadata":{"phone_number_id":"1"}}}]}]}"#;
        let found = accounts(body);
        assert_eq!(found.phone_numbers, owned(&["1", "2"]));
        assert_eq!(found.entries, owned(&["9", "7"]));
        assert_eq!(found.first(), "1");
    }

    #[test]
    fn what_a_customer_writes_is_not_taken_for_a_field() {
        let body = br#"{"entry":[{"id":"9","text":"\"phone_number_id\":\"666\" {\"id\":\"5\"","x":"\\"}]}"#;
        let found = accounts(body);
        assert_eq!(found.phone_numbers, owned(&[]));
        assert_eq!(found.entries, owned(&["9"]));
    }

    #[test]
    fn garbage_ends() {
        for body in [
            &b"\"\\"[..],
            b"}}}]]",
            b"{\"phone_number_id\"",
            b"{\"phone_number_id\":",
            b"",
        ] {
            assert_eq!(accounts(body), Accounts::default());
        }
        assert_eq!(accounts(b"{\"phone_number_id\":\"12"), Accounts::default());
    }
}
