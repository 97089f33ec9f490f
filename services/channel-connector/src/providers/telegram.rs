//! The Telegram Bot API. The token is part of every address, so no address is
//! ever logged.

mod files;
pub(crate) mod update;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chassis::config::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, CallError, Fault, Outcome, Outgoing, OutgoingFile, Provider, clipped, exchange,
};
use crate::channels::Credentials;

/// What we understand and want to be told.
const ALLOWED_UPDATES: [&str; 5] = [
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "message_reaction",
];

const MAX_CONNECTIONS: u8 = 40;

/// Calls of the Bot API. Cloning shares the connections.
#[derive(Clone)]
pub(crate) struct TelegramApi {
    http: reqwest::Client,
    base_url: Arc<str>,
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    retry_after: Option<u64>,
}

impl TelegramApi {
    pub(crate) fn new(http: reqwest::Client, base_url: &str) -> Self {
        Self {
            http,
            base_url: base_url.into(),
        }
    }

    /// Says whether the token is good.
    pub(crate) async fn get_me(&self, token: &Secret) -> Result<Value, CallError> {
        self.call(token, "getMe", &json!({})).await
    }

    /// Has updates posted to `url` with `secret` in their header; what waits is kept.
    pub(crate) async fn set_webhook(
        &self,
        token: &Secret,
        url: &str,
        secret: &Secret,
    ) -> Result<(), CallError> {
        let parameters = json!({
            "url": url,
            "secret_token": secret.expose(),
            "allowed_updates": ALLOWED_UPDATES,
            "max_connections": MAX_CONNECTIONS,
            "drop_pending_updates": false,
        });
        self.call(token, "setWebhook", &parameters)
            .await
            .map(|_| ())
    }

    /// Ends the posting of updates; what waits is kept.
    pub(crate) async fn delete_webhook(&self, token: &Secret) -> Result<(), CallError> {
        let parameters = json!({"drop_pending_updates": false});
        self.call(token, "deleteWebhook", &parameters)
            .await
            .map(|_| ())
    }

    /// What Telegram says of the webhook.
    pub(crate) async fn webhook_info(&self, token: &Secret) -> Result<Value, CallError> {
        self.call(token, "getWebhookInfo", &json!({})).await
    }

    async fn call(
        &self,
        token: &Secret,
        method: &str,
        parameters: &Value,
    ) -> Result<Value, CallError> {
        let request = self.http.post(self.address(token, method)).json(parameters);
        understand(&exchange(request).await?)
    }

    fn address(&self, token: &Secret, method: &str) -> String {
        format!("{}/bot{}/{method}", self.base_url, token.expose())
    }

    async fn send_text(
        &self,
        token: &Secret,
        chat: &str,
        message: &Outgoing,
    ) -> Result<Value, CallError> {
        let mut parameters = json!({"chat_id": chat, "text": message.text});
        if let Some(reply) = reply_parameters(message) {
            parameters["reply_parameters"] = reply;
        }
        self.call(token, "sendMessage", &parameters).await
    }

    /// By upload: Telegram fails to fetch many addresses that everybody else can.
    async fn send_file(
        &self,
        token: &Secret,
        chat: &str,
        message: &Outgoing,
        file: &OutgoingFile,
    ) -> Result<Value, CallError> {
        let (method, field) = match file.mime.as_str() {
            "image/jpeg" | "image/png" | "image/webp" => ("sendPhoto", "photo"),
            "audio/ogg" => ("sendVoice", "voice"),
            "audio/mpeg" | "audio/m4a" | "audio/mp4" => ("sendAudio", "audio"),
            "video/mp4" => ("sendVideo", "video"),
            _ => ("sendDocument", "document"),
        };
        let length = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
        let part = reqwest::multipart::Part::stream_with_length(file.content.clone(), length)
            .file_name(file.name.clone())
            .mime_str(&file.mime)
            .map_err(|_| CallError::NotSent("the type of the file is none".into()))?;
        let mut form = reqwest::multipart::Form::new()
            .text("chat_id", chat.to_owned())
            .part(field, part);
        if !message.text.is_empty() {
            form = form.text("caption", message.text.clone());
        }
        if let Some(reply) = reply_parameters(message) {
            form = form.text("reply_parameters", reply.to_string());
        }
        let request = self.http.post(self.address(token, method)).multipart(form);
        understand(&exchange(request).await?)
    }
}

#[async_trait]
impl Provider for TelegramApi {
    async fn send(&self, via: &Credentials, message: &Outgoing) -> Outcome {
        let Some(token) = &via.app else {
            return Outcome::Unauthorized(fault("no_token", "the channel has no token", REAUTH));
        };
        let chat = &message.recipient;
        if chat.parse::<i64>().is_err() {
            let complaint = "the recipient is no chat of Telegram";
            return Outcome::Failed(fault("recipient", complaint, UNREACHABLE));
        }
        let answer = match &message.file {
            Some(file) => self.send_file(token, chat, message, file).await,
            None => self.send_text(token, chat, message).await,
        };
        match answer {
            Ok(sent) => match sent["message_id"].as_i64() {
                Some(id) => Outcome::Sent(provider_id(chat, id)),
                None => Outcome::Uncertain(fault("answer", "the answer names no message", LOST)),
            },
            Err(error) => judge(error),
        }
    }
}

/// Message ids repeat across chats, so ours name the chat too.
pub(crate) fn provider_id(chat: impl std::fmt::Display, message: i64) -> String {
    format!("{chat}:{message}")
}

fn reply_parameters(message: &Outgoing) -> Option<Value> {
    let id: i64 = message.reply_to.split(':').nth(1)?.parse().ok()?;
    Some(json!({"message_id": id, "allow_sending_without_reply": true}))
}

fn understand(answer: &Answer) -> Result<Value, CallError> {
    let refused = |description: &str, seconds: Option<u64>, status: u16| CallError::Refused {
        status,
        description: clipped(description),
        retry_after: seconds.map(Duration::from_secs).or(answer.retry_after),
    };
    match serde_json::from_slice::<Reply>(&answer.body) {
        Ok(reply) if reply.ok => Ok(reply.result),
        Ok(reply) => Err(refused(
            &reply.description,
            reply.parameters.retry_after,
            reply.error_code.unwrap_or(answer.status),
        )),
        Err(_) if answer.status >= 300 => Err(refused("no answer of the API", None, answer.status)),
        Err(_) => Err(CallError::Lost("the answer cannot be read".into())),
    }
}

const REAUTH: &str = "El bot de Telegram debe autorizarse de nuevo.";
const UNREACHABLE: &str = "El destinatario no se puede contactar por Telegram.";
const LOST: &str = "Telegram no confirmó la entrega.";
const TROUBLE: &str = "Telegram no está disponible en este momento.";

fn fault(code: &str, detail: &str, spanish: &'static str) -> Fault {
    Fault {
        code: code.to_owned(),
        detail: clipped(detail),
        spanish,
    }
}

/// What a failed call means for the message.
fn judge(error: CallError) -> Outcome {
    match error {
        CallError::NotSent(why) => Outcome::Retry(fault("connect", &why, TROUBLE)),
        CallError::Lost(why) => Outcome::Uncertain(fault("lost", &why, LOST)),
        CallError::Refused {
            status,
            description,
            retry_after,
        } => judge_refusal(status, &description, retry_after),
    }
}

fn judge_refusal(status: u16, description: &str, retry_after: Option<Duration>) -> Outcome {
    let code = status.to_string();
    let because = |spanish| fault(&code, description, spanish);
    match status {
        // A gateway that gave up waiting cannot say whether the message went out.
        504 => Outcome::Uncertain(because(LOST)),
        429 => Outcome::ThrottledChannel(retry_after),
        401 | 404 => Outcome::Unauthorized(because(REAUTH)),
        403 if description.contains("blocked") => {
            Outcome::Failed(because("El cliente bloqueó el bot de Telegram."))
        }
        403 => Outcome::Failed(because(UNREACHABLE)),
        400 if description.contains("chat not found") => {
            Outcome::Failed(because("El chat de Telegram no existe."))
        }
        400 if description.contains("too long") => {
            Outcome::Failed(because("El mensaje es demasiado largo para Telegram."))
        }
        413 => Outcome::Failed(because("El archivo es demasiado grande para Telegram.")),
        400 => Outcome::Failed(because("Telegram rechazó el mensaje.")),
        _ => Outcome::Retry(because(TROUBLE)),
    }
}
