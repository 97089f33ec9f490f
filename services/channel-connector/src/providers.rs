//! The outside world: what sends a message behind one small trait, the HTTP they
//! share, and what an answer means for the queue.

mod files;
pub(crate) mod telegram;
pub(crate) mod whatsapp;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::{Bytes, BytesMut};
use chassis::config::Secret;
use proto::conversation::v1::IdentityKind;
use reqwest::{Response, redirect};
use uuid::Uuid;

pub(crate) use self::{
    files::{Download, Missed, is_plain_id},
    telegram::TelegramApi,
    whatsapp::GraphApi,
};
use crate::{
    channels::Credentials,
    error::{Error, Result},
};

/// Meta's documentation asks for a name and a version of three numbers.
const USER_AGENT: &str = "atencion-connector/0.1.0";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shorter than the idle limits of the providers: a connection that they are about to close
/// would make a message uncertain.
const IDLE: Duration = Duration::from_secs(15);

/// No answer of a provider that is read whole is longer.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// A message to send.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// What the provider repeats in statuses, if it can.
    pub(crate) id: Uuid,
    pub(crate) recipient_kind: IdentityKind,
    pub(crate) recipient: String,
    /// The text, or the caption of the file.
    pub(crate) text: String,
    /// The provider's id of the message that is answered; may be empty.
    pub(crate) reply_to: String,
    pub(crate) file: Option<OutgoingFile>,
}

/// A file to send.
#[derive(Clone, Debug)]
pub(crate) struct OutgoingFile {
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) content: Bytes,
}

/// Why a message was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The provider's code, or a word of ours.
    pub(crate) code: String,
    /// For logs; holds no secret.
    pub(crate) detail: String,
    /// For the agent.
    pub(crate) spanish: &'static str,
}

/// What became of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The provider has taken it and calls it so.
    Sent(String),
    /// The channel sends too fast; that is no failed attempt.
    ThrottledChannel(Option<Duration>),
    /// Too much for this recipient; that is no failed attempt.
    ThrottledRecipient(Option<Duration>),
    /// The credentials are not good any more; the message waits for better ones.
    Unauthorized(Fault),
    /// It will never be sent.
    Failed(Fault),
    /// It was not sent; trying again may help.
    Retry(Fault),
    /// It may have been sent.
    Uncertain(Fault),
}

/// Sends messages of one kind of channel.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Makes one attempt, which ends within the timeout of the client.
    async fn send(&self, via: &Credentials, message: &Outgoing) -> Outcome;
}

/// A call that had no good answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing was handed over.
    #[error("not reached: {0}")]
    NotSent(String),
    /// It was handed over, and the answer is lost.
    #[error("answer lost: {0}")]
    Lost(String),
    /// The provider has refused.
    #[error("refused with {status}: {description}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's words.
        description: String,
        /// How long to wait before the next call.
        retry_after: Option<Duration>,
    },
}

/// An answer read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// The client for providers: it follows no redirect, so that no token goes elsewhere.
pub(crate) fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .pool_idle_timeout(IDLE)
        .build()?)
}

/// Sends a request and reads its answer. Errors do not name the address: Telegram's holds the
/// token.
pub(crate) async fn exchange(
    request: reqwest::RequestBuilder,
) -> std::result::Result<Answer, CallError> {
    let response = request.send().await.map_err(|error| {
        let not_sent = error.is_connect() || error.is_builder();
        let text = chain(&error.without_url());
        if not_sent {
            CallError::NotSent(text)
        } else {
            CallError::Lost(text)
        }
    })?;
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
        .map(Duration::from_secs);
    match read(response).await {
        Ok(body) => Ok(Answer {
            status,
            retry_after,
            body,
        }),
        // The status alone says that it was refused.
        Err(_) if status >= 400 => Ok(Answer {
            status,
            retry_after,
            body: Bytes::new(),
        }),
        Err(error) => Err(CallError::Lost(error)),
    }
}

async fn read(mut response: Response) -> std::result::Result<Bytes, String> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| chain(&error.without_url()))?
    {
        if whole.len() + chunk.len() > LARGEST_ANSWER {
            return Err("the answer is too long".into());
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The number of a bot, if the text is a bot token: digits, a colon, letters, digits, `_`, `-`.
pub(crate) fn bot_number(token: &str) -> Option<&str> {
    let (number, secret) = token.split_once(':')?;
    let digits = (1..=20).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !number.starts_with('0');
    let plain = (1..=128).contains(&secret.len())
        && secret
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    (digits && plain).then_some(number)
}

/// 32 random bytes as 43 characters of `A-Za-z0-9_-`, which Telegram takes as a secret.
pub(crate) fn random_secret() -> Result<Secret> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Defect("no randomness".into()))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// Shortens what a provider said to what a log can bear.
pub(crate) fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bot_tokens_are_told_from_other_text() {
        assert_eq!(bot_number("12345:AbC-d_9"), Some("12345"));
        for text in [
            "",
            "12345",
            "12345:",
            "a:b",
            "1:a/../getMe",
            "012:a",
            ":a",
            "1:a b",
        ] {
            assert_eq!(bot_number(text), None, "{text}");
        }
    }

    #[test]
    fn random_secrets_are_what_telegram_takes() {
        let (one, other) = (random_secret().unwrap(), random_secret().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert!(
            one.expose()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        );
    }
}
