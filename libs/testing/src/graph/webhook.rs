//! Bodies that Meta would POST to a webhook, and their signature.
//!
//! The parts nest as Meta nests them: [`envelope`] takes entries, an entry holds changes, a
//! [`change`] holds messages and statuses. So a test can put any number of each into one body,
//! which is where receivers that read only the first of each lose data. [`text_webhook`] and
//! [`status_webhook`] are the envelopes of one.

use aws_lc_rs::{digest, hmac};
use serde_json::{Value, json};

use super::{media::StoredMedia, wamid};
use crate::loopback::unix_now;

/// The value of `X-Hub-Signature-256` for `body`.
pub fn sign(app_secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, app_secret.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body)))
}

/// A body of one text message. `from` is a phone number in digits or a business-scoped user id
/// (`CR.…`); `timestamp` is in seconds since 1970.
pub fn text_webhook(
    phone_number_id: &str,
    from: &str,
    wamid: &str,
    text: &str,
    timestamp: u64,
) -> Vec<u8> {
    let message = text_message(from, wamid, text, timestamp);
    envelope(vec![vec![change(
        phone_number_id,
        vec![message],
        Vec::new(),
    )]])
}

/// A body of one status: `sent`, `delivered`, `read`, `played` or `failed`, dated now. `opaque` is
/// the `biz_opaque_callback_data` of the message, see [`SentMessage`](super::SentMessage).
pub fn status_webhook(
    phone_number_id: &str,
    wamid: &str,
    status: &str,
    opaque: Option<&str>,
) -> Vec<u8> {
    let status = message_status(wamid, status, opaque, unix_now());
    envelope(vec![vec![change(
        phone_number_id,
        Vec::new(),
        vec![status],
    )]])
}

/// The whole body: a list of entries, each a list of changes.
pub fn envelope(entries: Vec<Vec<Value>>) -> Vec<u8> {
    let entries = entries
        .into_iter()
        .map(|changes| json!({"id": "102290129340398", "changes": changes}));
    let entries: Vec<Value> = entries.collect();
    json!({"object": "whatsapp_business_account", "entry": entries})
        .to_string()
        .into_bytes()
}

/// What happened at one phone number. A list that is empty is left out; `contacts` is made from
/// the senders of `messages`.
pub fn change(phone_number_id: &str, messages: Vec<Value>, statuses: Vec<Value>) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "50622223333", "phone_number_id": phone_number_id},
    });
    if !messages.is_empty() {
        value["contacts"] = contacts(&messages).into();
        value["messages"] = messages.into();
    }
    if !statuses.is_empty() {
        value["statuses"] = statuses.into();
    }
    json!({"value": value, "field": "messages"})
}

/// A text message; the parameters are those of [`text_webhook`].
pub fn text_message(from: &str, wamid: &str, text: &str, timestamp: u64) -> Value {
    message(from, wamid, "text", json!({"body": text}), timestamp)
}

/// A message that carries `media`: `kind` is `image`, `video`, `audio`, `document` or `sticker`.
pub fn media_message(
    from: &str,
    wamid: &str,
    kind: &str,
    media: &StoredMedia,
    timestamp: u64,
) -> Value {
    let content = json!({
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "id": media.id,
    });
    message(from, wamid, kind, content, timestamp)
}

/// A message of any `kind` with its content.
pub fn message(from: &str, wamid: &str, kind: &str, content: Value, timestamp: u64) -> Value {
    let mut message = if is_user_id(from) {
        json!({"from_user_id": from})
    } else {
        json!({"from": from, "from_user_id": user_id_of(from)})
    };
    message["id"] = wamid.into();
    message["timestamp"] = timestamp.to_string().into();
    message["type"] = kind.into();
    message[kind] = content;
    message
}

/// A status of a message; one that is `failed` says that the recipient cannot be reached (131026).
pub fn message_status(wamid: &str, status: &str, opaque: Option<&str>, timestamp: u64) -> Value {
    let mut value = json!({
        "id": wamid,
        "status": status,
        "timestamp": timestamp.to_string(),
    });
    if let Some(recipient) = wamid::recipient(wamid) {
        let key = if is_user_id(&recipient) {
            "recipient_user_id"
        } else {
            "recipient_id"
        };
        value[key] = recipient.into();
    }
    if let Some(opaque) = opaque {
        value["biz_opaque_callback_data"] = opaque.into();
    }
    match status {
        "failed" => {
            value["errors"] = json!([{
                "code": 131_026,
                "title": "Message undeliverable",
                "message": "Message undeliverable",
                "error_data": {"details": "The recipient cannot receive this message"},
            }]);
        }
        _ => {
            value["pricing"] =
                json!({"billable": false, "pricing_model": "PMP", "category": "service"});
        }
    }
    value
}

/// The business-scoped user id that these bodies give to a phone number: always the same one.
pub fn user_id_of(phone: &str) -> String {
    let hash = digest::digest(&digest::SHA256, phone.as_bytes());
    let digits: String = hash
        .as_ref()
        .iter()
        .map(|byte| char::from(b'0' + byte % 10))
        .collect();
    format!("CR.{}", &digits[..20])
}

fn is_user_id(from: &str) -> bool {
    from.contains('.')
}

fn contacts(messages: &[Value]) -> Vec<Value> {
    let mut contacts: Vec<Value> = Vec::new();
    for message in messages {
        let mut contact = json!({"profile": {"name": "Cliente de prueba"}});
        if let Some(phone) = message.get("from") {
            contact["wa_id"] = phone.clone();
        }
        if let Some(user) = message.get("from_user_id") {
            contact["user_id"] = user.clone();
        }
        if !contacts.contains(&contact) {
            contacts.push(contact);
        }
    }
    contacts
}
