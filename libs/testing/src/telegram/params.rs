//! The parameters of a call, which the Bot API takes from the query, from a form, from JSON and
//! from multipart alike.

use std::collections::HashMap;

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest as _, Multipart, Request, multipart::MultipartError},
    http::{StatusCode, header},
};
use serde_json::{Map, Value};

use super::answer::Refused;

/// The largest file the Bot API takes, in bytes.
pub(super) const LARGEST_FILE: usize = 50 << 20;

/// The largest body that is not multipart, in bytes.
const LARGEST_FIELDS: usize = 1 << 20;

/// A part of a multipart body that is a file.
#[derive(Debug, Clone)]
pub(super) struct FilePart {
    pub(super) name: String,
    pub(super) mime_type: String,
    pub(super) content: Bytes,
}

/// What a call came with.
#[derive(Debug, Default)]
pub(super) struct Params {
    fields: Map<String, Value>,
    files: HashMap<String, FilePart>,
}

impl Params {
    pub(super) async fn read(request: Request) -> Result<Self, Refused> {
        let mut params = Self::default();
        params.add_form(request.uri().query().unwrap_or_default().as_bytes());
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        match essence.as_str() {
            "multipart/form-data" => params.add_parts(request).await?,
            "application/json" => params.add_json(&whole(request).await?)?,
            "application/x-www-form-urlencoded" => params.add_form(&whole(request).await?),
            _ => {}
        }
        Ok(params)
    }

    fn add_form(&mut self, form: &[u8]) {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(form).unwrap_or_default();
        self.fields
            .extend(pairs.into_iter().map(|(key, value)| (key, value.into())));
    }

    fn add_json(&mut self, body: &[u8]) -> Result<(), Refused> {
        let fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|_| Refused::bad_request("can't parse JSON object"))?;
        self.fields.extend(fields);
        Ok(())
    }

    async fn add_parts(&mut self, request: Request) -> Result<(), Refused> {
        let parts = Multipart::from_request(request, &()).await;
        let mut parts = parts.map_err(|_| Refused::bad_request("can't parse multipart body"))?;
        while let Some(part) = parts
            .next_field()
            .await
            .map_err(|error| unreadable(&error))?
        {
            let key = part.name().unwrap_or_default().to_owned();
            let Some(name) = part.file_name().map(str::to_owned) else {
                let text = part.text().await.map_err(|error| unreadable(&error))?;
                self.fields.insert(key, text.into());
                continue;
            };
            let mime_type = part
                .content_type()
                .unwrap_or("application/octet-stream")
                .to_owned();
            let content = part.bytes().await.map_err(|error| unreadable(&error))?;
            if content.len() > LARGEST_FILE {
                return Err(Refused::too_large());
            }
            self.files.insert(
                key,
                FilePart {
                    name,
                    mime_type,
                    content,
                },
            );
        }
        Ok(())
    }

    /// The parameter as text; in JSON it may be of another type, which the API takes as its JSON
    /// text. Absent, null and empty are the same.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let text = match self.fields.get(key)? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// A number, forced into `min..=max`; what is no number counts as `default`.
    pub(super) fn integer(&self, key: &str, default: i64, min: i64, max: i64) -> i64 {
        let number = self.text(key).and_then(|text| text.parse().ok());
        number.unwrap_or(default).clamp(min, max)
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        let text = self.text(key).unwrap_or_default().to_lowercase();
        matches!(text.as_str(), "true" | "yes" | "1")
    }

    pub(super) fn json(&self, key: &str) -> Option<Value> {
        match self.fields.get(key)? {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        }
    }

    pub(super) fn file(&self, key: &str) -> Option<&FilePart> {
        self.files.get(key)
    }

    /// All fields that are not files.
    pub(super) fn into_fields(self) -> Value {
        self.fields.into()
    }
}

async fn whole(request: Request) -> Result<Bytes, Refused> {
    to_bytes(request.into_body(), LARGEST_FIELDS)
        .await
        .map_err(|_| Refused::too_large())
}

fn unreadable(error: &MultipartError) -> Refused {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refused::too_large(),
        _ => Refused::bad_request("can't parse multipart body"),
    }
}
