//! An update of the Bot API, read leniently: everything is optional, and kinds
//! that we do not know are no error.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::providers::whatsapp::webhook::{lenient, text};

/// A whole body. Updates have one field besides their id.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Update {
    #[serde(rename = "update_id", deserialize_with = "lenient")]
    pub(crate) id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) edited_message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) callback_query: Option<CallbackQuery>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message_reaction: Option<Reaction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    #[serde(rename = "message_id", deserialize_with = "lenient")]
    pub(crate) id: i64,
    #[serde(deserialize_with = "lenient")]
    pub(crate) date: i64,
    #[serde(deserialize_with = "lenient")]
    pub(crate) edit_date: i64,
    #[serde(deserialize_with = "lenient")]
    pub(crate) from: Option<User>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) chat: Chat,
    #[serde(deserialize_with = "text")]
    pub(crate) text: String,
    #[serde(deserialize_with = "text")]
    pub(crate) caption: String,
    #[serde(rename = "reply_to_message", deserialize_with = "lenient")]
    pub(crate) answered: Option<Replied>,
    #[serde(flatten)]
    pub(crate) content: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Replied {
    #[serde(deserialize_with = "lenient")]
    pub(crate) message_id: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chat {
    #[serde(deserialize_with = "lenient")]
    pub(crate) id: i64,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(crate) kind: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    #[serde(deserialize_with = "text")]
    pub(crate) first_name: String,
    #[serde(deserialize_with = "text")]
    pub(crate) last_name: String,
    #[serde(deserialize_with = "text")]
    pub(crate) username: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallbackQuery {
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) from: Option<User>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: Option<Message>,
    #[serde(deserialize_with = "text")]
    pub(crate) data: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reaction {
    #[serde(deserialize_with = "lenient")]
    pub(crate) chat: Chat,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message_id: i64,
    #[serde(deserialize_with = "lenient")]
    pub(crate) user: Option<User>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) date: i64,
    #[serde(rename = "new_reaction", deserialize_with = "lenient")]
    pub(crate) now: Vec<ReactionType>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReactionType {
    #[serde(deserialize_with = "text")]
    pub(crate) emoji: String,
}

impl User {
    /// The display name; may be empty.
    pub(crate) fn name(&self) -> String {
        let full = format!("{} {}", self.first_name, self.last_name);
        match full.trim() {
            "" => self.username.clone(),
            name => name.to_owned(),
        }
    }
}
