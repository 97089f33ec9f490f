//! The events of a body of Meta.

use std::sync::Arc;

use proto::conversation::v1::{DeliveryStatus, IdentityKind, InboundMessage, InboundStatus};
use serde_json::Value;
use uuid::Uuid;

use super::{
    attachment::Attachment,
    explode::{Content, Event, Found, identities, key, name, words},
};
use crate::{
    inbox::Known,
    providers::whatsapp::webhook::{
        ChangeValue, Contact, Message, StatusNews, UNEXPLAINED, Webhook, clean, explanation,
    },
};

/// More places than a body can have.
const PLACES: i64 = 1 << 20;

/// Reads a body leniently; the error is that it is no JSON object.
pub(super) fn read(body: &[u8]) -> Result<Webhook, serde_json::Error> {
    serde_json::from_slice(body)
}

/// The phone numbers of a body.
pub(super) fn accounts(webhook: &Webhook) -> Vec<String> {
    let mut accounts: Vec<String> = webhook
        .entry
        .iter()
        .flat_map(|entry| &entry.changes)
        .map(|change| change.value.metadata.phone_number_id.clone())
        .filter(|account| !account.is_empty())
        .collect();
    accounts.sort();
    accounts.dedup();
    accounts
}

/// All events for channels among `genuine` that are on; `body` is the id of the stored body.
pub(super) fn events(webhook: &Webhook, genuine: &[Arc<Known>], body: i64) -> Found {
    let mut events = Vec::new();
    let mut ignored = 0;
    for change in webhook.entry.iter().flat_map(|entry| &entry.changes) {
        let value = &change.value;
        let channel = genuine.iter().find(|known| {
            known.kind.is_whatsapp() && known.app_public == value.metadata.phone_number_id
        });
        let Some(channel) = channel.filter(|known| known.active && change.field == "messages")
        else {
            ignored += 1;
            continue;
        };
        for message in &value.messages {
            match message_event(channel, value, message) {
                Some(event) => events.push(event),
                None => ignored += 1,
            }
        }
        for status in &value.statuses {
            match status_event(channel, status) {
                Some(event) => events.push(event),
                None => ignored += 1,
            }
        }
    }
    if webhook.object != "whatsapp_business_account" {
        ignored += webhook.entry.len();
    }
    // WhatsApp counts in whole seconds: within one, what came first was written first, so the
    // place in the body counts less than the body.
    let first = body.saturating_mul(PLACES).saturating_add(1);
    for (place, event) in (first..).zip(&mut events) {
        event.place = place;
    }
    Found::Events { events, ignored }
}

/// The event of a message; none when it names no sender, or one of a group: groups are kept
/// raw, because an answer would not go to the group.
fn message_event(channel: &Arc<Known>, value: &ChangeValue, message: &Message) -> Option<Event> {
    if message.id.is_empty() || !message.group_id.is_empty() {
        return None;
    }
    let contact = contact_of(value, message);
    let either = |own: &str, contact: &str| {
        if own.is_empty() {
            contact.to_owned()
        } else {
            own.to_owned()
        }
    };
    let phone = number(either(&message.from, &contact.wa_id));
    let user = either(&message.from_user_id, &contact.user_id);
    let parent = either(&message.from_parent_user_id, &contact.parent_user_id);
    let moved_to = new_number(message);
    let identities = identities(&[
        (IdentityKind::WaBsuid, &user),
        (IdentityKind::WaParentBsuid, &parent),
        (IdentityKind::WaPhone, &phone),
        (IdentityKind::WaPhone, &moved_to),
    ]);
    let sender = identities.first()?.value.clone();
    let reading = Reading::of(message)?;
    let shown = either(&contact.profile.name, &contact.profile.username);
    let inbound = InboundMessage {
        identities,
        profile_name: name(&shown),
        provider_id: message.id.clone(),
        kind: reading.kind.to_owned(),
        text: words(clean(reading.text)),
        reply_to_provider_id: match reading.about {
            Some(about) => clean(about),
            None => message.context.id.clone(),
        },
        media_filename: String::new(),
    };
    Some(Event {
        channel: Arc::clone(channel),
        ext_key: key("m", &message.id),
        sender,
        at: message.timestamp.parse().ok(),
        place: 0,
        content: Content::Message(Box::new(inbound)),
        attachment: Attachment::of_whatsapp(message),
    })
}

/// The contact that belongs to a message: contacts may be absent, or those of several senders.
fn contact_of(value: &ChangeValue, message: &Message) -> Contact {
    let same = |contact: &&Contact| {
        (!message.from.is_empty() && contact.wa_id == message.from)
            || (!message.from_user_id.is_empty() && contact.user_id == message.from_user_id)
    };
    let nobody_else = value.contacts.len() == 1
        && (message.from.is_empty() || value.contacts[0].wa_id.is_empty());
    let found = value.contacts.iter().find(same);
    let only = value.contacts.first().filter(|_| nobody_else);
    found.or(only).cloned().unwrap_or_default()
}

/// The number that a guest has moved to; empty otherwise.
fn new_number(message: &Message) -> String {
    let system = &message.content.get("system");
    let moved = system.filter(|system| system["type"] == "user_changed_number");
    let to = moved.and_then(|system| system["wa_id"].as_str());
    number(to.unwrap_or_default().to_owned())
}

/// The text if it is a telephone number; a guest must not be known by anything else as one.
fn number(text: String) -> String {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text } else { String::new() }
}

/// A message in words.
struct Reading {
    kind: &'static str,
    text: String,
    /// The message it is about, when that is not the one it answers.
    about: Option<String>,
}

impl Reading {
    fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            about: None,
        }
    }

    /// None for notices that are no message of the guest.
    fn of(message: &Message) -> Option<Self> {
        let content = message.content.get(&message.kind).unwrap_or(&Value::Null);
        Some(match message.kind.as_str() {
            "text" => Self::new("text", text(&content["body"])),
            "image" => Self::new("image", captioned(content, "[Imagen]")),
            "video" => Self::new("video", captioned(content, "[Video]")),
            "audio" => Self::new("audio", "[Audio]"),
            "sticker" => Self::new("sticker", "[Sticker]"),
            "document" => {
                let label = format!("[Documento: {}]", text(&content["filename"]));
                Self::new("document", captioned(content, &label))
            }
            "location" => Self::new("location", location(content)),
            "contacts" => Self::new("contacts", contacts(content)),
            "button" => Self::new("interactive", text(&content["text"])),
            "interactive" => interactive(content),
            "order" => {
                let items = content["product_items"].as_array().map_or(0, Vec::len);
                Self::new("interactive", format!("[Pedido de {items} productos]"))
            }
            "reaction" => Self {
                about: Some(text(&content["message_id"])),
                ..Self::new("reaction", text(&content["emoji"]))
            },
            "edit" => Self {
                about: Some(text(&content["original_message_id"])),
                ..Self::new(
                    "text",
                    format!(
                        "Mensaje editado: {}",
                        text(&content["message"]["text"]["body"])
                    ),
                )
            },
            "revoke" => Self {
                about: Some(text(&content["original_message_id"])),
                ..Self::new("unsupported", "El cliente eliminó un mensaje.")
            },
            "system" if new_number(message).is_empty() => return None,
            "system" => Self::new("unsupported", "El cliente cambió su número de teléfono."),
            _ => unsupported(),
        })
    }
}

fn unsupported() -> Reading {
    Reading::new("unsupported", "[Mensaje no admitido]")
}

fn interactive(content: &Value) -> Reading {
    let title = ["button_reply", "list_reply"]
        .into_iter()
        .find_map(|reply| content[reply]["title"].as_str());
    match (title, content["type"].as_str()) {
        (Some(title), _) => Reading::new("interactive", title),
        (None, Some("nfm_reply")) => Reading::new("interactive", "[Formulario respondido]"),
        (None, Some("call_permission_reply")) => {
            Reading::new("interactive", "[Respuesta al permiso de llamada]")
        }
        // Sometimes there is nothing at all, and the reason stands elsewhere.
        _ => unsupported(),
    }
}

fn captioned(content: &Value, label: &str) -> String {
    match content["caption"].as_str() {
        Some(caption) if !caption.is_empty() => caption.to_owned(),
        _ => label.to_owned(),
    }
}

fn location(content: &Value) -> String {
    let place = [&content["name"], &content["address"]]
        .into_iter()
        .map(text)
        .filter(|part| !part.is_empty());
    let at = format!("{}, {}", content["latitude"], content["longitude"]);
    let parts: Vec<String> = place.chain([at]).collect();
    format!("[Ubicación: {}]", parts.join(" · "))
}

fn contacts(content: &Value) -> String {
    let cards = content.as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<String> = cards
        .iter()
        .map(|card| {
            let phone = text(&card["phones"][0]["phone"]);
            format!("{} {phone}", text(&card["name"]["formatted_name"]))
        })
        .collect();
    format!("[Contacto: {}]", names.join(", ").trim())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The event of a status; none for states that we do not follow.
fn status_event(channel: &Arc<Known>, news: &StatusNews) -> Option<Event> {
    let status = match news.status.as_str() {
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "read" => DeliveryStatus::Read,
        "played" => DeliveryStatus::Played,
        "failed" => DeliveryStatus::Failed,
        _ => return None,
    };
    if news.id.is_empty() {
        return None;
    }
    let (error_code, error) = match (status, news.errors.first()) {
        (DeliveryStatus::Failed, Some(error)) => (error.code.to_string(), explanation(error.code)),
        (DeliveryStatus::Failed, None) => (String::new(), UNEXPLAINED),
        _ => (String::new(), ""),
    };
    let inbound = InboundStatus {
        provider_id: news.id.clone(),
        message_id: 0,
        status: status.into(),
        error_code,
        error: error.to_owned(),
    };
    let whose = match news.recipient_participant_id.as_str() {
        "" => format!("{}:{}", news.id, news.status),
        participant => format!("{}:{}:{participant}", news.id, news.status),
    };
    let sender = match news.recipient_user_id.as_str() {
        "" => news.recipient_id.clone(),
        user => user.to_owned(),
    };
    Some(Event {
        channel: Arc::clone(channel),
        ext_key: key("s", &whose),
        sender,
        at: news.timestamp.parse().ok(),
        place: 0,
        content: Content::Status {
            news: Box::new(inbound),
            outbound: Uuid::parse_str(&news.biz_opaque_callback_data).ok(),
        },
        attachment: None,
    })
}
