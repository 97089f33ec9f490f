//! Fetching what a guest has sent: Graph tells a link, the link gives the file.
//! The token goes to Meta and to nobody else, whatever the link says.

use reqwest::Url;
use serde::Deserialize;

use super::{GraphApi, fault, webhook::lenient};
use crate::{
    channels::Credentials,
    providers::{
        Answer, Download, Missed, Outcome, exchange,
        files::{check_size, is_plain_id},
    },
};

/// The domains of Meta that hand out files.
const META: [&str; 5] = [
    "facebook.com",
    "fbsbx.com",
    "fbcdn.net",
    "cdninstagram.com",
    "whatsapp.net",
];

#[derive(Deserialize)]
struct Described {
    url: String,
    #[serde(default, deserialize_with = "lenient")]
    sha256: String,
    #[serde(default, deserialize_with = "lenient")]
    file_size: Option<u64>,
}

impl GraphApi {
    /// Asks for a file by its media id. Links live five minutes, so each attempt asks for a new
    /// one.
    pub(crate) async fn open_file(
        &self,
        via: &Credentials,
        id: &str,
        largest: u64,
    ) -> Result<Download, Missed> {
        let Some(token) = &via.token else {
            return Err(Missed::Unauthorized("the channel has no token".into()));
        };
        if !is_plain_id(id) {
            return Err(Missed::Gone("the id of the file is none".into()));
        }
        let request = self
            .http
            .get(format!("{}/{id}", self.root))
            .bearer_auth(token.expose());
        let answer = exchange(request)
            .await
            .map_err(|error| Missed::later(error.to_string()))?;
        if answer.status != 200 {
            return Err(refusal(&answer));
        }
        let described: Described = serde_json::from_slice(&answer.body)
            .map_err(|_| Missed::later("the answer names no link"))?;
        check_size(described.file_size, largest)?;
        let link = trusted(&described.url, &self.root)
            .ok_or_else(|| Missed::later("the link does not lead to Meta"))?;
        let request = self.http.get(link).bearer_auth(token.expose());
        Download::open(request, digest(&described.sha256), largest).await
    }
}

/// The link, if it leads to Meta, or to where the Graph API is set to be.
fn trusted(link: &str, root: &str) -> Option<Url> {
    let link = Url::parse(link).ok()?;
    if !link.username().is_empty() || link.password().is_some() {
        return None;
    }
    let ours = Url::parse(root).ok()?.origin() == link.origin();
    let of_meta = link.scheme() == "https"
        && link.port().is_none()
        && link.domain().is_some_and(|host| {
            META.iter().any(|domain| {
                host.strip_suffix(domain)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        });
    (ours || of_meta).then_some(link)
}

fn digest(hexadecimal: &str) -> Option<[u8; 32]> {
    hex::decode(hexadecimal).ok()?.try_into().ok()
}

fn refusal(answer: &Answer) -> Missed {
    match fault::judge(answer) {
        Outcome::Unauthorized(fault) => Missed::Unauthorized(fault.detail),
        Outcome::Failed(fault) => Missed::Gone(format!("{} {}", fault.code, fault.detail)),
        Outcome::ThrottledChannel(wait) | Outcome::ThrottledRecipient(wait) => Missed::Later {
            why: "too many calls".into(),
            wait,
        },
        Outcome::Retry(fault) | Outcome::Uncertain(fault) => {
            Missed::later(format!("{} {}", fault.code, fault.detail))
        }
        Outcome::Sent(_) => Missed::later("the answer is none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "https://graph.facebook.com/v23.0";

    #[test]
    fn links_of_meta_are_followed() {
        for link in [
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&hash=a",
            "https://scontent.xx.fbcdn.net/v/t1/a.jpg",
            "https://graph.facebook.com/1",
            "https://mmg.whatsapp.net/a",
        ] {
            assert!(trusted(link, ROOT).is_some(), "{link}");
        }
        let double = "http://127.0.0.1:4000/v23.0";
        assert!(trusted("http://127.0.0.1:4000/a?b", double).is_some());
        assert!(trusted("http://127.0.0.1:4001/a?b", double).is_none());
    }

    #[test]
    fn links_elsewhere_are_not() {
        for link in [
            "http://lookaside.fbsbx.com/a",
            "https://lookaside.fbsbx.com:8443/a",
            "https://lookaside.fbsbx.com.evil.example/a",
            "https://evilfbsbx.com/a",
            "https://lookaside.fbsbx.com@evil.example/a",
            "https://user:word@lookaside.fbsbx.com/a",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/a",
            "https://[::1]/a",
            "file:///etc/passwd",
            "gopher://lookaside.fbsbx.com/a",
            "//lookaside.fbsbx.com/a",
            "",
        ] {
            assert!(trusted(link, ROOT).is_none(), "{link}");
        }
    }
}
