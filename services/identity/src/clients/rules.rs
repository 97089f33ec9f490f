//! What a new client has to be like.

use auth::{Authority, Network};
use chassis::FieldViolation;

use super::{ClientRow, ForgotMode, NewClient, authority_text, is_consumo};
use crate::error::Error;

/// The most scopes, networks and link bases of a client.
const MOST_SCOPES: usize = 64;
const MOST_NETWORKS: usize = 64;
const MOST_BASES: usize = 16;

/// The longest link base, in bytes.
const LONGEST_BASE: usize = 255;

/// The highest rate, burst and quota; the table has the same.
const HIGHEST_RATE: u32 = 1_000_000;
const HIGHEST_QUOTA: u64 = 1_000_000_000_000;

impl NewClient {
    /// The row to store, once every field was checked.
    pub fn row(&self) -> Result<ClientRow<'_>, Error> {
        let mut wrong = Vec::new();
        let mut require = |holds: bool, field, description: &str| {
            if !holds {
                wrong.push(FieldViolation {
                    field,
                    reason: "FORMAT",
                    description: description.to_owned(),
                });
            }
        };
        require(
            is_consumo(&self.consumo),
            "consumo",
            "must be 3 to 100 letters, digits, dots, dashes and underscores",
        );
        require(
            (1..=191).contains(&self.name.chars().count()) && !self.name.contains('\0'),
            "name",
            "must be 1 to 191 characters",
        );
        require(
            self.company.is_none_or(|company| company.0 > 0)
                && (self.authority != Authority::Company || self.company.is_some()),
            "company",
            "must be a company, and a client of a company needs one",
        );
        require(
            self.scopes.len() <= MOST_SCOPES && self.scopes.iter().all(|scope| is_scope(scope)),
            "scopes",
            "must be at most 64 words such as crm:read",
        );
        let networks = networks(&self.ip_allow);
        require(
            networks.is_some(),
            "ip_allow",
            "must be at most 64 networks such as 10.0.0.0/8",
        );
        require(
            self.limits.per_minute <= HIGHEST_RATE,
            "requests_per_minute",
            "must be at most 1000000",
        );
        require(
            self.limits.burst <= HIGHEST_RATE,
            "burst",
            "must be at most 1000000",
        );
        require(
            self.limits.per_day <= HIGHEST_QUOTA,
            "requests_per_day",
            "must be at most 1000000000000",
        );
        require(
            self.reset_link_bases.len() <= MOST_BASES
                && self.reset_link_bases.iter().all(|base| is_link_base(base)),
            "reset_link_bases",
            "must be at most 16 https addresses without query and fragment",
        );
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        Ok(ClientRow {
            consumo: &self.consumo,
            name: &self.name,
            authority: authority_text(self.authority),
            company: self.company.map(|company| company.0),
            scopes: &self.scopes,
            ip_allow: networks.unwrap_or_default(),
            per_minute: i32::try_from(self.limits.per_minute).unwrap_or(i32::MAX),
            burst: i32::try_from(self.limits.burst).unwrap_or(i32::MAX),
            per_day: i64::try_from(self.limits.per_day).unwrap_or(i64::MAX),
            forgot_mode: self.forgot_mode().text(),
            reset_link_bases: &self.reset_link_bases,
        })
    }

    /// Front ends, whose secret is no secret, learn nothing about addresses unless
    /// somebody wants them to.
    fn forgot_mode(&self) -> ForgotMode {
        self.forgot_mode.unwrap_or(match self.authority {
            Authority::Delegated => ForgotMode::Uniform,
            Authority::Platform | Authority::Company => ForgotMode::Contract,
        })
    }
}

fn is_scope(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":._-".contains(&byte))
}

/// The networks in one writing; none when one of them is no network.
fn networks(texts: &[String]) -> Option<Vec<String>> {
    if texts.len() > MOST_NETWORKS {
        return None;
    }
    let parse = |text: &String| text.parse::<Network>().ok();
    let networks: Option<Vec<_>> = texts.iter().map(parse).collect();
    Some(networks?.iter().map(Network::to_string).collect())
}

/// An https address that a path or query can be added to, and that goes where it
/// looks like going.
fn is_link_base(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else {
        return false;
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |text: &str, more: &[u8]| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    text.len() <= LONGEST_BASE
        && host.starts_with(|first: char| first.is_ascii_alphanumeric())
        && plain(host, b".-:")
        && plain(path, b"/._~-%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_bases_go_where_they_look_like_going() {
        for right in [
            "https://panel.example",
            "https://panel.example:8443/reset",
            "https://panel.example/a/b_c~d.html",
        ] {
            assert!(is_link_base(right), "{right}");
        }
        for wrong in [
            "",
            "https://",
            "https:///x",
            "http://panel.example",
            "https://panel.example@evil.example",
            "https://panel.example\\@evil.example",
            "https://panel.example?x=",
            "https://panel.example/#",
            "https://panel example",
            "javascript:alert(1)",
        ] {
            assert!(!is_link_base(wrong), "{wrong}");
        }
        assert!(!is_link_base(&format!("https://a/{}", "a".repeat(300))));
    }
}
