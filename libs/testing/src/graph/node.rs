//! Reads a JSON body the way Graph does: a parameter that is missing, of the wrong type, too long
//! or not expected is refused with code 100 under its full name, such as `text['body']`.

use serde_json::{Map, Value};

use super::error::GraphError;

type Result<T> = std::result::Result<T, GraphError>;

/// An object somewhere in the body.
pub(super) struct Node<'a> {
    /// Empty for the body itself.
    path: String,
    fields: &'a Map<String, Value>,
}

impl<'a> Node<'a> {
    pub(super) fn root(fields: &'a Map<String, Value>) -> Self {
        Self {
            path: String::new(),
            fields,
        }
    }

    /// What Graph calls the field `key` of this object.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}['{key}']", self.path)
        }
    }

    /// A field that is there; null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn required(&self, key: &str) -> Result<&'a Value> {
        self.get(key)
            .ok_or_else(|| GraphError::missing(&self.name(key)))
    }

    fn mistyped(&self, key: &str, expected: &str) -> GraphError {
        GraphError::parameter(&format!("Param {} must be {expected}.", self.name(key)))
    }

    /// A string of 1 to `max` characters.
    pub(super) fn text(&self, key: &str, max: usize) -> Result<&'a str> {
        let text = self
            .required(key)?
            .as_str()
            .ok_or_else(|| self.mistyped(key, "a string"))?;
        if text.is_empty() {
            return Err(GraphError::missing(&self.name(key)));
        }
        self.no_longer(key, text, max)
    }

    /// A string of at most `max` characters that may be left out.
    pub(super) fn optional_text(&self, key: &str, max: usize) -> Result<Option<&'a str>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let text = value
            .as_str()
            .ok_or_else(|| self.mistyped(key, "a string"))?;
        self.no_longer(key, text, max).map(Some)
    }

    fn no_longer(&self, key: &str, text: &'a str, max: usize) -> Result<&'a str> {
        if text.chars().count() > max {
            return Err(self.mistyped(key, &format!("at most {max} characters long")));
        }
        Ok(text)
    }

    /// One of `allowed`.
    pub(super) fn one_of(&self, key: &str, value: &str, allowed: &[&str]) -> Result<()> {
        if allowed.contains(&value) {
            return Ok(());
        }
        let names = allowed.join(", ").to_uppercase();
        let name = self.name(key);
        let complaint = format!("Param {name} must be one of {{{names}}} - got \"{value}\".");
        Err(GraphError::parameter(&complaint))
    }

    pub(super) fn optional_bool(&self, key: &str) -> Result<()> {
        match self.get(key) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(self.mistyped(key, "a boolean")),
        }
    }

    /// A number from `-limit` to `limit`.
    pub(super) fn coordinate(&self, key: &str, limit: f64) -> Result<()> {
        let value = self.required(key)?;
        // Graph takes coordinates as numbers and as strings.
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        match number {
            Some(number) if number.abs() <= limit => Ok(()),
            _ => Err(self.mistyped(key, "a coordinate")),
        }
    }

    pub(super) fn object(&self, key: &str) -> Result<Node<'a>> {
        let value = self.required(key)?;
        let fields = value
            .as_object()
            .ok_or_else(|| self.mistyped(key, "a JSON object"))?;
        Ok(Node {
            path: self.name(key),
            fields,
        })
    }

    pub(super) fn optional_object(&self, key: &str) -> Result<Option<Node<'a>>> {
        self.get(key).map(|_| self.object(key)).transpose()
    }

    /// A list of `1..=max` objects.
    pub(super) fn list(&self, key: &str, max: usize) -> Result<Vec<Node<'a>>> {
        let value = self.required(key)?;
        let items = value
            .as_array()
            .ok_or_else(|| self.mistyped(key, "an array"))?;
        if items.is_empty() || items.len() > max {
            return Err(self.mistyped(key, &format!("an array of 1 to {max} elements")));
        }
        let name = self.name(key);
        let nodes = items.iter().enumerate().map(|(index, item)| {
            let path = format!("{name}[{index}]");
            let fields = item.as_object().ok_or_else(|| {
                GraphError::parameter(&format!("Param {path} must be a JSON object."))
            })?;
            Ok(Node { path, fields })
        });
        nodes.collect()
    }

    /// Refuses every field that is not in `expected`.
    pub(super) fn only(&self, expected: &[&str]) -> Result<()> {
        match self
            .fields
            .keys()
            .find(|key| !expected.contains(&key.as_str()))
        {
            Some(key) => Err(GraphError::parameter(&format!(
                "Unexpected key \"{key}\" on param \"{}\".",
                self.path
            ))),
            None => Ok(()),
        }
    }
}
