//! The event of an update of Telegram. Private chats only: what happens in
//! groups is kept raw, because an answer would not be to one guest.

use std::sync::Arc;

use proto::conversation::v1::{IdentityKind, InboundMessage};

use super::{
    attachment::Attachment,
    explode::{Content, Event, Found, identities, key, name, words},
};
use crate::{
    inbox::Known,
    providers::telegram::{
        provider_id,
        update::{CallbackQuery, Message, Reaction, Update, User},
    },
};

/// Notices about a chat that nobody has written.
const NOTICES: [&str; 22] = [
    "boost_added",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "connected_website",
    "delete_chat_photo",
    "forum_topic_closed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_reopened",
    "group_chat_created",
    "left_chat_member",
    "message_auto_delete_timer_changed",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "new_chat_members",
    "new_chat_photo",
    "new_chat_title",
    "pinned_message",
    "proximity_alert_triggered",
    "supergroup_chat_created",
    "write_access_allowed",
];

/// The events of a body: one or none.
pub(super) fn events(channel: &Arc<Known>, body: &[u8]) -> Found {
    let update: Update = match serde_json::from_slice(body) {
        Ok(update) => update,
        Err(error) => return Found::Unreadable(error.to_string()),
    };
    let found = update.id.and_then(|id| {
        let written = Written::of(&update, id)?;
        Some(event(channel, id, written))
    });
    Found::Events {
        ignored: usize::from(found.is_none()),
        events: found.into_iter().collect(),
    }
}

/// What somebody did, whichever kind of update told of it.
struct Written {
    chat: i64,
    name: String,
    provider_id: String,
    at: i64,
    kind: &'static str,
    text: String,
    about: Option<i64>,
    attachment: Option<Attachment>,
}

fn event(channel: &Arc<Known>, update_id: i64, written: Written) -> Event {
    let chat = written.chat.to_string();
    let about = written.about.map(|message| provider_id(&chat, message));
    let inbound = InboundMessage {
        identities: identities(&[(IdentityKind::Telegram, &chat)]),
        profile_name: name(&written.name),
        provider_id: written.provider_id,
        kind: written.kind.to_owned(),
        text: words(written.text),
        reply_to_provider_id: about.unwrap_or_default(),
        media_filename: String::new(),
    };
    Event {
        channel: Arc::clone(channel),
        ext_key: key("u", &update_id.to_string()),
        sender: chat,
        at: (written.at > 0).then_some(written.at),
        place: update_id,
        content: Content::Message(Box::new(inbound)),
        attachment: written.attachment,
    }
}

impl Written {
    fn of(update: &Update, id: i64) -> Option<Self> {
        if let Some(message) = &update.message {
            return Self::message(message);
        }
        if let Some(message) = &update.edited_message {
            return Self::edited(message, id);
        }
        if let Some(query) = &update.callback_query {
            return Self::pressed(query, id);
        }
        update
            .message_reaction
            .as_ref()
            .and_then(|reaction| Self::reacted(reaction, id))
    }

    fn message(message: &Message) -> Option<Self> {
        if message.chat.kind != "private" || message.chat.id == 0 {
            return None;
        }
        let (kind, text) = reading(message)?;
        Some(Self {
            chat: message.chat.id,
            name: name_of(message.from.as_ref()),
            provider_id: provider_id(message.chat.id, message.id),
            at: message.date,
            kind,
            text,
            about: message.answered.as_ref().map(|to| to.message_id),
            attachment: Attachment::of_telegram(message),
        })
    }

    /// An edit is news of its own, about the message that was changed.
    fn edited(message: &Message, update: i64) -> Option<Self> {
        let original = Self::message(message)?;
        Some(Self {
            provider_id: format!("{}:{update}", original.provider_id),
            at: if message.edit_date > 0 {
                message.edit_date
            } else {
                message.date
            },
            text: format!("Mensaje editado: {}", original.text),
            about: Some(message.id),
            ..original
        })
    }

    fn pressed(query: &CallbackQuery, update: i64) -> Option<Self> {
        let message = query.message.as_ref()?;
        if message.chat.kind != "private" || query.data.is_empty() {
            return None;
        }
        let chat = message.chat.id;
        Some(Self {
            chat,
            name: name_of(query.from.as_ref()),
            provider_id: format!("{chat}:0:{update}"),
            // A press has no time of its own; that of the message would sort it into the past.
            at: 0,
            kind: "interactive",
            text: query.data.clone(),
            about: Some(message.id),
            attachment: None,
        })
    }

    fn reacted(reaction: &Reaction, update: i64) -> Option<Self> {
        if reaction.chat.kind != "private" {
            return None;
        }
        let chat = reaction.chat.id;
        let emoji = reaction.now.iter().map(|kind| kind.emoji.as_str());
        Some(Self {
            chat,
            name: name_of(reaction.user.as_ref()),
            provider_id: format!("{chat}:0:{update}"),
            at: reaction.date,
            kind: "reaction",
            text: emoji.collect(),
            about: Some(reaction.message_id),
            attachment: None,
        })
    }
}

fn name_of(user: Option<&User>) -> String {
    user.map(User::name).unwrap_or_default()
}

/// Kind and text of a message; none when it is a notice.
fn reading(message: &Message) -> Option<(&'static str, String)> {
    let has = |key: &str| message.content.contains_key(key);
    let or_caption = |label: &str| match message.caption.as_str() {
        "" => label.to_owned(),
        caption => caption.to_owned(),
    };
    if !message.text.is_empty() {
        return Some(("text", message.text.clone()));
    }
    if NOTICES.iter().any(|notice| has(notice)) {
        return None;
    }
    Some(if has("photo") {
        ("image", or_caption("[Imagen]"))
    } else if has("video") || has("video_note") || has("animation") {
        // An animation also sets document, so it is asked for first.
        ("video", or_caption("[Video]"))
    } else if has("voice") || has("audio") {
        ("audio", or_caption("[Audio]"))
    } else if has("document") {
        let name = message.content["document"]["file_name"].as_str();
        let label = format!("[Documento: {}]", name.unwrap_or_default());
        ("document", or_caption(&label).replace('\0', ""))
    } else if has("sticker") {
        let emoji = message.content["sticker"]["emoji"].as_str();
        let label = format!("[Sticker {}]", emoji.unwrap_or_default());
        ("sticker", label.replace('\0', ""))
    } else if has("location") {
        let location = &message.content["location"];
        let at = format!(
            "[Ubicación: {}, {}]",
            location["latitude"], location["longitude"]
        );
        ("location", at)
    } else if has("contact") {
        let contact = &message.content["contact"];
        let part = |key: &str| contact[key].as_str().unwrap_or_default().to_owned();
        let card = format!(
            "[Contacto: {} {}]",
            part("first_name"),
            part("phone_number")
        );
        ("contacts", card.replace('\0', ""))
    } else {
        ("unsupported", "[Mensaje no admitido]".to_owned())
    })
}
