//! What a request says, read the way the framework of the documents reads it.
//!
//! A path parameter wins over a body field, a body field over the query. Text is
//! trimmed (passwords are not) and empty text is nothing. Reading never judges a
//! field; that is what [`Check`] is for.

mod body;
mod check;
#[cfg(any(test, feature = "fuzz"))]
mod exercise;
mod form;
pub mod sentence;

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

pub use body::{Source, read};
pub use check::{Check, LINE, Paging};
#[cfg(feature = "fuzz")]
pub use exercise::exercise;
pub use sentence::Language;

/// How deep objects and lists may nest.
pub(crate) const DEEPEST: usize = 16;

/// The largest integer that every JSON reader keeps exact.
const LARGEST_EXACT: i64 = (1 << 53) - 1;

/// A file of a multipart body.
pub struct Upload {
    /// The name of the field.
    pub field: String,
    /// The content.
    pub content: Bytes,
}

/// The fields of a request. It does not print: passwords are among them.
#[derive(Default)]
pub struct Input {
    fields: Map<String, Value>,
    uploads: Vec<Upload>,
}

impl Input {
    /// The value of a field, `filters.name` for one inside another; null is none.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let exact = self.fields.get(name);
        let found = exact.or_else(|| {
            let (first, rest) = name.split_once('.')?;
            rest.split('.')
                .try_fold(self.fields.get(first)?, |value, key| value.get(key))
        });
        found.filter(|value| !value.is_null())
    }

    /// Whether a field was named at all, even with nothing in it.
    pub fn names(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The text of a field; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The file sent under a name.
    pub fn upload(&self, field: &str) -> Option<&Upload> {
        self.uploads.iter().find(|upload| upload.field == field)
    }

    /// The access log id the caller wants to link to. Anything that is no such id
    /// counts as none: this field never breaks a call.
    pub fn sent_id(&self) -> Option<i64> {
        let id = match self.get("id_bitacora_log")? {
            Value::Number(number) => number.as_i64()?,
            Value::String(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            _ => return None,
        };
        (1..=LARGEST_EXACT).contains(&id).then_some(id)
    }

    /// Starts to judge the fields.
    pub fn check(&self, language: Language) -> Check<'_> {
        Check::new(self, language)
    }
}

/// Wrong fields with their sentences, in the order they were judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, Vec<String>)>);

impl FieldErrors {
    /// Adds a sentence to a field.
    pub fn push(&mut self, field: &str, sentence: String) {
        match self.0.iter_mut().find(|(name, _)| name == field) {
            Some((_, sentences)) => sentences.push(sentence),
            None => self.0.push((field.to_owned(), vec![sentence])),
        }
    }

    /// Says whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first sentence of all.
    pub fn first(&self) -> &str {
        self.0
            .first()
            .and_then(|(_, sentences)| sentences.first())
            .map_or("", String::as_str)
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, sentences) in &self.0 {
            map.serialize_entry(field, sentences)?;
        }
        map.end()
    }
}
