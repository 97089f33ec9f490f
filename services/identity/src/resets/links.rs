//! Where links lead, and how they are written.

use chassis::config::Secret;
use serde::Serialize;
use uuid::Uuid;

use crate::error::Error;

/// The pages that links may lead to. What a caller sends only picks one of them:
/// a link to a page of somebody else's would hand over the account.
#[derive(Clone, Debug)]
pub struct LinkBases {
    default: String,
    others: Vec<String>,
}

/// What a link carries.
#[derive(Serialize)]
struct Parts<'a> {
    id: Uuid,
    token: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    product: &'a str,
}

impl LinkBases {
    /// The pages of a configuration: the usual one and others, all `http://` or
    /// `https://` with a host and without a fragment.
    pub fn new(default: &str, others: &[String]) -> anyhow::Result<Self> {
        for base in others.iter().map(String::as_str).chain([default]) {
            anyhow::ensure!(
                host(base).is_some(),
                "identity.reset_link_base: {base:?} is no address such as https://example.org/reset"
            );
        }
        Ok(Self {
            default: default.to_owned(),
            others: others.to_vec(),
        })
    }

    /// The page at a domain among those of an API client, the first one being its
    /// usual one. A client without pages has those of the configuration.
    pub fn among<'a>(&'a self, pages: &'a [String], domain: &str) -> &'a str {
        let (usual, others) = match pages.split_first() {
            Some((usual, others)) => (usual, others),
            None => (&self.default, self.others.as_slice()),
        };
        let domain = domain.trim().to_lowercase();
        others
            .iter()
            .find(|base| host(base).is_some_and(|host| host == domain))
            .unwrap_or(usual)
    }
}

/// The host of an address, with its port, in lower case.
fn host(base: &str) -> Option<String> {
    let rest = base
        .strip_prefix("https://")
        .or_else(|| base.strip_prefix("http://"))?;
    let host = rest.split(['/', '?']).next()?;
    let plain = !base.contains(|letter: char| {
        letter.is_whitespace() || letter.is_control() || matches!(letter, '#' | '@' | '\\')
    });
    (plain && !host.is_empty()).then(|| host.to_lowercase())
}

/// The whole link.
pub fn build(
    base: &str,
    selector: Uuid,
    verifier: &Secret,
    email: &str,
    product: &str,
) -> Result<Secret, Error> {
    let parts = Parts {
        id: selector,
        token: verifier.expose(),
        email,
        product,
    };
    let query = serde_urlencoded::to_string(parts).map_err(|_| Error::Crypto("writing a link"))?;
    let mark = if base.contains('?') { '&' } else { '?' };
    Ok(Secret::new(format!("{base}{mark}{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_only_picks_among_the_allowed() {
        let others = ["https://care.example.org/reset".to_owned()];
        let bases = LinkBases::new("https://example.org/reset", &others).unwrap();
        assert_eq!(bases.among(&[], "Care.Example.org"), others[0]);
        for other in [
            "",
            "evil.test",
            "care.example.org.evil.test",
            "https://care.example.org",
        ] {
            assert_eq!(
                bases.among(&[], other),
                "https://example.org/reset",
                "{other}"
            );
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for base in [
            "",
            "example.org",
            "ftp://example.org",
            "https://",
            "https://a b",
            "https://example.org/#/reset",
            "https://example.org@evil.test/",
        ] {
            assert!(LinkBases::new(base, &[]).is_err(), "{base}");
        }
    }

    #[test]
    fn a_link_carries_its_parts_encoded() {
        let link = |base, product| {
            let verifier = Secret::new("abc_-");
            build(base, Uuid::nil(), &verifier, "a+b@example.org", product).unwrap()
        };
        let nil = Uuid::nil();
        assert_eq!(
            link("https://example.org/reset", "").expose(),
            format!("https://example.org/reset?id={nil}&token=abc_-&email=a%2Bb%40example.org")
        );
        assert!(
            link("https://example.org/?page=reset", "at encion")
                .expose()
                .ends_with("&product=at+encion")
        );
    }
}
