//! The file that a message of a guest names, where it is still with the provider.

use serde_json::Value;

use crate::providers::{is_plain_id, telegram, whatsapp};

/// No name of a file is kept longer, in characters; its ending is at the end.
const LONGEST_NAME: usize = 191;

/// A file at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    /// image, video, audio, voice, document or sticker.
    pub(super) kind: &'static str,
    /// What the provider calls it.
    pub(super) file_id: String,
    /// What the guest calls it; may be empty.
    pub(super) name: String,
}

impl Attachment {
    fn new(kind: &'static str, file_id: &Value, name: &Value) -> Option<Self> {
        let file_id = match file_id {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        // It becomes a part of an address.
        if !is_plain_id(&file_id) {
            return None;
        }
        let name = name.as_str().unwrap_or_default().replace('\0', "");
        let start = name.chars().count().saturating_sub(LONGEST_NAME);
        Some(Self {
            kind,
            file_id,
            name: name.chars().skip(start).collect(),
        })
    }

    /// The file of a message of WhatsApp.
    pub(super) fn of_whatsapp(message: &whatsapp::webhook::Message) -> Option<Self> {
        let kind = match message.kind.as_str() {
            "image" => "image",
            "video" => "video",
            "audio" => "audio",
            "document" => "document",
            "sticker" => "sticker",
            _ => return None,
        };
        let content = message.content.get(kind)?;
        let kind = if content["voice"] == true {
            "voice"
        } else {
            kind
        };
        Self::new(kind, &content["id"], &content["filename"])
    }

    /// The file of a message of Telegram.
    pub(super) fn of_telegram(message: &telegram::update::Message) -> Option<Self> {
        if let Some(Value::Array(sizes)) = message.content.get("photo") {
            // The same picture in several sizes.
            let area = |size: &&Value| {
                size["width"].as_i64().unwrap_or(0) * size["height"].as_i64().unwrap_or(0)
            };
            return Self::new(
                "image",
                &sizes.iter().max_by_key(area)?["file_id"],
                &Value::Null,
            );
        }
        // An animation also sets document, so it is asked for first.
        let kinds = [
            ("video", "video"),
            ("video_note", "video"),
            ("animation", "video"),
            ("voice", "voice"),
            ("audio", "audio"),
            ("document", "document"),
            ("sticker", "sticker"),
        ];
        let (key, kind) = kinds
            .into_iter()
            .find(|(key, _)| message.content.contains_key(*key))?;
        let content = &message.content[key];
        Self::new(kind, &content["file_id"], &content["file_name"])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn telegram(message: &Value) -> Option<(&'static str, String, String)> {
        let message = serde_json::from_value(message.clone()).unwrap();
        Attachment::of_telegram(&message).map(|file| (file.kind, file.file_id, file.name))
    }

    #[test]
    fn the_largest_of_several_sizes_is_fetched() {
        let photo = json!({"photo": [
            {"file_id": "large", "width": 1280, "height": 960},
            {"file_id": "small", "width": 90, "height": 67},
        ]});
        assert_eq!(telegram(&photo).unwrap().1, "large");
        assert_eq!(telegram(&json!({"photo": []})), None);
    }

    #[test]
    fn an_animation_is_a_film_and_not_a_document() {
        let animation = json!({
            "document": {"file_id": "d", "file_name": "a.mp4"},
            "animation": {"file_id": "a", "file_name": "a.mp4"},
        });
        let found = telegram(&animation).unwrap();
        assert_eq!((found.0, &*found.1), ("video", "a"));
        assert_eq!(telegram(&json!({"text": "hola"})), None);
    }

    #[test]
    fn ids_that_would_lead_elsewhere_name_nothing() {
        for id in ["../me", "a/b", "a?b", "", "a b", "ñ"] {
            let message = json!({"document": {"file_id": id}});
            assert_eq!(telegram(&message), None, "{id}");
        }
    }

    #[test]
    fn a_recording_is_told_from_other_sounds() {
        let kind = |content: Value| {
            let message = json!({"type": "audio", "audio": content});
            let message = serde_json::from_value(message).unwrap();
            Attachment::of_whatsapp(&message).map(|file| file.kind)
        };
        assert_eq!(kind(json!({"id": "1", "voice": true})), Some("voice"));
        assert_eq!(kind(json!({"id": 1})), Some("audio"));
        assert_eq!(kind(json!({"link": "https://example.test"})), None);
    }
}
