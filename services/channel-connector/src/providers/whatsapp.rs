//! WhatsApp Cloud API, by Meta itself or by a provider that keeps its shapes.

mod fault;
mod files;
pub(crate) mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use chassis::config::Secret;
use proto::conversation::v1::IdentityKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, CallError, Outcome, Outgoing, OutgoingFile, Provider, exchange};
use crate::channels::Credentials;

/// Calls of the Graph API. Cloning shares the connections.
#[derive(Clone)]
pub(crate) struct GraphApi {
    http: reqwest::Client,
    /// Base address and version.
    root: Arc<str>,
}

#[derive(Deserialize)]
struct Accepted {
    messages: Vec<AcceptedMessage>,
}

#[derive(Deserialize)]
struct AcceptedMessage {
    id: String,
}

#[derive(Deserialize)]
struct Uploaded {
    id: String,
}

impl GraphApi {
    pub(crate) fn new(http: reqwest::Client, base_url: &str, version: &str) -> Self {
        Self {
            http,
            root: format!("{base_url}/{version}").into(),
        }
    }

    async fn post(&self, account: &str, token: &Secret, body: &Value) -> Result<Answer, CallError> {
        let request = self
            .http
            .post(format!("{}/{account}/messages", self.root))
            .bearer_auth(token.expose())
            .json(body);
        exchange(request).await
    }

    /// Uploads a file and answers its media id. A lost answer leaves nothing behind but a file
    /// that Meta forgets after 30 days, so it is tried again.
    async fn upload(
        &self,
        account: &str,
        token: &Secret,
        file: &OutgoingFile,
    ) -> Result<String, Outcome> {
        let length = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
        let part = reqwest::multipart::Part::stream_with_length(file.content.clone(), length)
            .file_name(file.name.clone())
            .mime_str(&file.mime)
            .map_err(|_| Outcome::Failed(fault::of_ours("mime", "the type of the file is none")))?;
        let form = reqwest::multipart::Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", file.mime.clone())
            .part("file", part);
        let request = self
            .http
            .post(format!("{}/{account}/media", self.root))
            .bearer_auth(token.expose())
            .multipart(form);
        let answer = match exchange(request).await {
            Ok(answer) => answer,
            Err(CallError::NotSent(why) | CallError::Lost(why)) => {
                return Err(Outcome::Retry(fault::of_ours("upload", &why)));
            }
            Err(other) => return Err(Outcome::Retry(fault::of_ours("upload", &other.to_string()))),
        };
        if answer.status >= 300 {
            return Err(match fault::judge(&answer) {
                Outcome::Uncertain(fault) => Outcome::Retry(fault),
                outcome => outcome,
            });
        }
        serde_json::from_slice::<Uploaded>(&answer.body)
            .map(|uploaded| uploaded.id)
            .map_err(|_| Outcome::Retry(fault::of_ours("upload", "the answer names no media")))
    }
}

#[async_trait]
impl Provider for GraphApi {
    async fn send(&self, via: &Credentials, message: &Outgoing) -> Outcome {
        let Some(token) = &via.token else {
            return Outcome::Unauthorized(fault::unauthorized("the channel has no token"));
        };
        let account = &via.channel.app_public;
        // It becomes a part of the address.
        if !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let complaint = "the account is no phone number id";
            return Outcome::Unauthorized(fault::unauthorized(complaint));
        }
        let media_id = match &message.file {
            Some(file) => match self.upload(account, token, file).await {
                Ok(id) => Some(id),
                Err(outcome) => return outcome,
            },
            None => None,
        };
        let Some(body) = body(message, media_id.as_deref()) else {
            let complaint = "the recipient is none of WhatsApp";
            return Outcome::Failed(fault::of_ours("recipient", complaint));
        };
        match self.post(account, token, &body).await {
            Ok(answer) if answer.status < 300 => taken(&answer),
            Ok(answer) => fault::judge(&answer),
            Err(CallError::NotSent(why)) => Outcome::Retry(fault::of_ours("connect", &why)),
            Err(error) => Outcome::Uncertain(fault::lost(&error.to_string())),
        }
    }
}

fn taken(answer: &Answer) -> Outcome {
    let accepted = serde_json::from_slice::<Accepted>(&answer.body).ok();
    match accepted.and_then(|accepted| accepted.messages.into_iter().next()) {
        Some(message) if !message.id.is_empty() => Outcome::Sent(message.id),
        _ => Outcome::Uncertain(fault::lost("the answer names no message")),
    }
}

/// The body of a message; none when WhatsApp has no such recipient.
fn body(message: &Outgoing, media_id: Option<&str>) -> Option<Value> {
    let recipient = match message.recipient_kind {
        IdentityKind::WaPhone => "to",
        IdentityKind::WaBsuid | IdentityKind::WaParentBsuid => "recipient",
        _ => return None,
    };
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": message.id.to_string(),
    });
    body[recipient] = message.recipient.as_str().into();
    if !message.reply_to.is_empty() {
        body["context"] = json!({"message_id": message.reply_to});
    }
    if let (Some(file), Some(id)) = (&message.file, media_id) {
        let kind = media_kind(&file.mime);
        let mut media = json!({"id": id});
        if !message.text.is_empty() && takes_caption(&file.mime) {
            media["caption"] = message.text.as_str().into();
        }
        if kind == "document" {
            media["filename"] = file.name.as_str().into();
        }
        body["type"] = kind.into();
        body[kind] = media;
    } else {
        body["type"] = "text".into();
        body["text"] = json!({"body": message.text, "preview_url": false});
    }
    Some(body)
}

/// Says whether WhatsApp shows a text with a file of this type.
pub(crate) fn takes_caption(mime: &str) -> bool {
    !matches!(media_kind(mime), "audio" | "sticker")
}

fn media_kind(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" | "image/png" => "image",
        "image/webp" => "sticker",
        "video/mp4" | "video/3gpp" => "video",
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/m4a" | "audio/ogg" => {
            "audio"
        }
        _ => "document",
    }
}
