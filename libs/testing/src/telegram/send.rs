//! `sendMessage` and the methods that send files.

use serde_json::{Value, json};

use super::{
    SentFile, SentMessage,
    answer::Refused,
    bot::{Bot, State},
    files::{HeldFile, Kind},
    params::Params,
};
use crate::loopback::unix_now;

const LONGEST_TEXT: usize = 4096;
const LONGEST_CAPTION: usize = 1024;
const PARSE_MODES: [&str; 3] = ["html", "markdown", "markdownv2"];

/// A message that passed every check.
pub(super) struct Checked {
    method: &'static str,
    chat_id: i64,
    reply_to: Option<i64>,
    content: Content,
}

enum Content {
    Text(String),
    File {
        kind: Kind,
        file: HeldFile,
        caption: Option<String>,
    },
}

/// Checks `sendMessage`.
pub(super) fn check_text(state: &State, params: &Params) -> Result<Checked, Refused> {
    check_parse_mode(params)?;
    let text = params.text("text").unwrap_or_default();
    let text = text.trim();
    if text.is_empty() {
        return Err(Refused::bad_request("message text is empty"));
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(Refused::bad_request("message is too long"));
    }
    let chat_id = state.chat(params.text("chat_id").as_deref())?;
    Ok(Checked {
        method: "sendMessage",
        chat_id,
        reply_to: check_reply(state, params, chat_id)?,
        content: Content::Text(text.to_owned()),
    })
}

/// Checks `sendPhoto` and its kin.
pub(super) fn check_file(state: &State, kind: Kind, params: &Params) -> Result<Checked, Refused> {
    check_parse_mode(params)?;
    let caption = params.text("caption");
    if caption
        .as_ref()
        .is_some_and(|caption| caption.chars().count() > LONGEST_CAPTION)
    {
        return Err(Refused::bad_request("message caption is too long"));
    }
    let file = state.files.given(kind, params)?;
    let chat_id = state.chat(params.text("chat_id").as_deref())?;
    Ok(Checked {
        method: match kind {
            Kind::Photo => "sendPhoto",
            Kind::Document => "sendDocument",
            Kind::Audio => "sendAudio",
            Kind::Voice => "sendVoice",
            Kind::Video => "sendVideo",
        },
        chat_id,
        reply_to: check_reply(state, params, chat_id)?,
        content: Content::File {
            kind,
            file,
            caption,
        },
    })
}

/// The marks are not taken out of the text, so its length counts with them.
fn check_parse_mode(params: &Params) -> Result<(), Refused> {
    match params.text("parse_mode") {
        Some(mode) if !PARSE_MODES.contains(&mode.to_lowercase().as_str()) => {
            Err(Refused::bad_request("unsupported parse_mode"))
        }
        _ => Ok(()),
    }
}

fn check_reply(state: &State, params: &Params, chat_id: i64) -> Result<Option<i64>, Refused> {
    let Some(reply) = params.json("reply_parameters") else {
        return Ok(None);
    };
    let message_id = reply["message_id"].as_i64();
    match message_id.filter(|id| state.has_message(chat_id, *id)) {
        Some(message_id) => Ok(Some(message_id)),
        None if reply["allow_sending_without_reply"] == true => Ok(None),
        None => Err(Refused::bad_request("message to be replied not found")),
    }
}

impl Checked {
    /// Sends it: the message as the API shows it, and the record of it.
    pub(super) fn send(self, bot: &Bot, state: &mut State, body: Value) -> (Value, SentMessage) {
        let chat_id = self.chat_id;
        let message_id = state.new_message(chat_id);
        let mut message = json!({
            "message_id": message_id,
            "from": bot.user(),
            "chat": chat(chat_id),
            "date": unix_now(),
        });
        if let Some(reply_to) = self.reply_to {
            message["reply_to_message"] =
                json!({"message_id": reply_to, "chat": chat(chat_id), "date": unix_now()});
        }
        let mut sent_file = None;
        match self.content {
            Content::Text(text) => message["text"] = text.into(),
            Content::File {
                kind,
                file,
                caption,
            } => {
                message[kind.field()] = file.in_message();
                if let Some(caption) = caption {
                    message["caption"] = caption.into();
                }
                sent_file = Some(SentFile {
                    file_id: file.id.clone(),
                    name: file.name.clone(),
                    mime_type: file.mime_type.clone(),
                    size: file.content.len(),
                });
                state.files.hold(file);
            }
        }
        let sent = SentMessage {
            bot_id: bot.id,
            method: self.method.to_owned(),
            chat_id,
            message_id,
            body,
            file: sent_file,
        };
        (message, sent)
    }
}

fn chat(chat_id: i64) -> Value {
    if chat_id > 0 {
        json!({"id": chat_id, "first_name": "Cliente", "type": "private"})
    } else {
        json!({"id": chat_id, "title": "Grupo", "type": "group"})
    }
}
