//! The chatbot API of Synology Chat.

use std::time::Duration;

use chassis::config::Secret;
use reqwest::{header::CONTENT_TYPE, redirect};
use serde_json::{json, value::RawValue};

/// How long Synology Chat may take; whoever wrote to the bot waits for it.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// The longest answer that is passed on, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// The code of Synology for what it does not explain.
const UNKNOWN: u16 = 100;

/// Writes to users of Synology Chat. Cloning shares the connections.
#[derive(Clone)]
pub(super) struct Chat(reqwest::Client);

impl Chat {
    pub(super) fn new() -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self(client))
    }

    /// Writes to a user as the bot with the token; answers what Synology Chat said
    /// as it said it, or what stands for its silence.
    pub(super) async fn write(&self, base: &str, token: &Secret, user: i64, text: &str) -> String {
        match self.post(base, token, user, text).await {
            Ok(said) => said,
            // The address is shown without its query: the token is in there.
            Err(error) => {
                let error = error.without_url();
                tracing::warn!(%error, "synology chat does not answer");
                failure("Synology Chat could not be reached")
            }
        }
    }

    async fn post(
        &self,
        base: &str,
        token: &Secret,
        user: i64,
        text: &str,
    ) -> reqwest::Result<String> {
        let payload = json!({"text": text, "user_ids": [user]}).to_string();
        let query = [
            ("api", "SYNO.Chat.External"),
            ("method", "chatbot"),
            ("version", "2"),
            // It wants the token in quotes.
            ("token", &format!("\"{}\"", token.expose())),
        ];
        let base = base.trim_end_matches('/');
        let address = format!("{base}/webapi/entry.cgi?{}", encoded(&query));
        let mut answer = self
            .0
            .post(address)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encoded(&[("payload", &payload)]))
            .send()
            .await?
            .error_for_status()?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            body.extend_from_slice(&piece);
            if body.len() > LARGEST_ANSWER {
                return Ok(failure("Synology Chat answered too much"));
            }
        }
        Ok(verbatim(body).unwrap_or_else(|| failure("Synology Chat answered no JSON")))
    }
}

/// The text of an answer that is a JSON object.
fn verbatim(body: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(body).ok()?;
    let object: Box<RawValue> = serde_json::from_str(text.trim()).ok()?;
    object
        .get()
        .starts_with('{')
        .then(|| object.get().to_owned())
}

/// What stands where Synology Chat said nothing of use.
pub(super) fn failure(why: &str) -> String {
    json!({"success": false, "error": {"code": UNKNOWN, "errors": why}}).to_string()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}
