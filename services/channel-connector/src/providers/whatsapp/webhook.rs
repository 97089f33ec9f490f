//! What Meta posts for WhatsApp, read leniently: everything is optional, and what
//! has another shape than expected is left out instead of failing the rest.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A whole body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Webhook {
    #[serde(deserialize_with = "lenient")]
    pub(crate) object: String,
    #[serde(deserialize_with = "each")]
    pub(crate) entry: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    #[serde(deserialize_with = "each")]
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    #[serde(deserialize_with = "lenient")]
    pub(crate) field: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) value: ChangeValue,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChangeValue {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Metadata,
    #[serde(deserialize_with = "each")]
    pub(crate) contacts: Vec<Contact>,
    #[serde(deserialize_with = "each")]
    pub(crate) messages: Vec<Message>,
    #[serde(deserialize_with = "each")]
    pub(crate) statuses: Vec<StatusNews>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    #[serde(deserialize_with = "text")]
    pub(crate) phone_number_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Contact {
    #[serde(deserialize_with = "lenient")]
    pub(crate) profile: Profile,
    #[serde(deserialize_with = "text")]
    pub(crate) wa_id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) user_id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) parent_user_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Profile {
    #[serde(deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(deserialize_with = "text")]
    pub(crate) username: String,
}

/// A message; `content` holds the object its type names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    #[serde(deserialize_with = "text")]
    pub(crate) from: String,
    #[serde(deserialize_with = "text")]
    pub(crate) from_user_id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) from_parent_user_id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) timestamp: String,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "text")]
    pub(crate) group_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) context: Context,
    #[serde(flatten)]
    pub(crate) content: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StatusNews {
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) status: String,
    #[serde(deserialize_with = "text")]
    pub(crate) timestamp: String,
    #[serde(deserialize_with = "text")]
    pub(crate) recipient_id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) recipient_user_id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) recipient_participant_id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) biz_opaque_callback_data: String,
    #[serde(deserialize_with = "each")]
    pub(crate) errors: Vec<StatusError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StatusError {
    pub(crate) code: i64,
}

/// What an agent is told when WhatsApp does not say why.
pub(crate) const UNEXPLAINED: &str = "WhatsApp no pudo entregar el mensaje.";

/// What an agent is told of an error in a status.
pub(crate) fn explanation(code: i64) -> &'static str {
    super::fault::explanation(code).unwrap_or(UNEXPLAINED)
}

/// A value of the expected shape, else its default.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// The elements of a list that have the expected shape.
pub(crate) fn each<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let Value::Array(elements) = Value::deserialize(deserializer)? else {
        return Ok(Vec::new());
    };
    Ok(elements
        .into_iter()
        .filter_map(|element| T::deserialize(element).ok())
        .collect())
}

/// A text, or a number as text; PostgreSQL takes no NUL, so none is kept.
pub(crate) fn text<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => clean(text),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

/// The text without NUL.
pub(crate) fn clean(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}
