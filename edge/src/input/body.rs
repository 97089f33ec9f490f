//! Reads fields from path, body and query, and tidies them.

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart, multipart::MultipartError},
};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use super::{DEEPEST, FieldErrors, Input, Upload, form};
use crate::errors::Failure;

/// The parts of a request that hold fields.
pub struct Source<'a> {
    /// The headers, for the content type.
    pub headers: &'a HeaderMap,
    /// The query, without the question mark.
    pub query: &'a str,
    /// The parameters of the path, decoded.
    pub path: &'a [(String, String)],
    /// The whole body.
    pub body: Bytes,
}

/// Reads all fields. A body that is not what its content type says is refused
/// under the name `body`, a content type that nobody reads with 415.
pub async fn read(source: Source<'_>) -> Result<Input, Failure> {
    let mut input = Input::default();
    for (name, value) in form::pairs(source.query.as_bytes()).unwrap_or_default() {
        form::insert(&mut input.fields, &name, value);
    }
    let (fields, uploads) = fields_of_body(source.headers, source.body).await?;
    if input.fields.is_empty() {
        input.fields = fields;
    } else {
        input.fields.extend(fields);
    }
    input.uploads = uploads;
    for (name, value) in source.path {
        input.fields.insert(name.clone(), value.clone().into());
    }
    for (name, value) in &mut input.fields {
        tidy(name, value);
    }
    Ok(input)
}

enum Format {
    Json,
    Form,
    Multipart,
    Other,
}

fn format(headers: &HeaderMap) -> Format {
    let kind = headers
        .get(CONTENT_TYPE)
        .map_or(&b"application/json"[..], |value| value.as_bytes());
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    let kind = String::from_utf8_lossy(kind).trim().to_ascii_lowercase();
    match kind.as_str() {
        "" | "application/json" | "text/json" => Format::Json,
        "application/x-www-form-urlencoded" => Format::Form,
        "multipart/form-data" => Format::Multipart,
        other if other.ends_with("+json") => Format::Json,
        _ => Format::Other,
    }
}

async fn fields_of_body(
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(Map<String, Value>, Vec<Upload>), Failure> {
    if body.is_empty() {
        return Ok((Map::new(), Vec::new()));
    }
    match format(headers) {
        Format::Json => Ok((json(&body)?, Vec::new())),
        Format::Form => {
            let pairs = form::pairs(&body)
                .ok_or_else(|| unreadable("El cuerpo no es un formulario valido."))?;
            let mut fields = Map::new();
            for (name, value) in pairs {
                form::insert(&mut fields, &name, value);
            }
            Ok((fields, Vec::new()))
        }
        Format::Multipart => Box::pin(multipart(headers, body))
            .await
            .map_err(|_| unreadable("El cuerpo no es un formulario valido.")),
        Format::Other => Err(Failure::Route(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    }
}

fn json(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => {
            let shallow = fields.values().all(|value| depth_fits(value, DEEPEST - 1));
            if shallow {
                Ok(fields)
            } else {
                Err(unreadable("El cuerpo anida demasiados niveles."))
            }
        }
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(unreadable("El cuerpo debe ser un objeto JSON.")),
        Err(_) => Err(unreadable("El cuerpo no es un JSON valido.")),
    }
}

fn depth_fits(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(list) => left > 0 && list.iter().all(|item| depth_fits(item, left - 1)),
        Value::Object(map) => left > 0 && map.values().all(|item| depth_fits(item, left - 1)),
        _ => true,
    }
}

fn unreadable(sentence: &str) -> Failure {
    let mut errors = FieldErrors::default();
    errors.push("body", sentence.to_owned());
    Failure::Fields(errors)
}

/// Why a multipart body cannot be read; nobody asks for more.
struct Unreadable;

impl From<MultipartError> for Unreadable {
    fn from(_: MultipartError) -> Self {
        Self
    }
}

async fn multipart(
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(Map<String, Value>, Vec<Upload>), Unreadable> {
    let mut request = Request::new(Body::from(body));
    request.headers_mut().clone_from(headers);
    // The size was judged when the body was read.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Unreadable)?;
    let (mut fields, mut uploads, mut count) = (Map::new(), Vec::new(), 0);
    while let Some(part) = parts.next_field().await? {
        count += 1;
        let name = part.name().unwrap_or_default().to_owned();
        if count > form::MOST_PAIRS || name.is_empty() {
            return Err(Unreadable);
        }
        if part.file_name().is_some() {
            let content = part.bytes().await?;
            // Browsers send an empty file for a field that was left alone.
            if !content.is_empty() {
                uploads.push(Upload {
                    field: name,
                    content,
                });
            }
        } else {
            let text = String::from_utf8(part.bytes().await?.into()).map_err(|_| Unreadable)?;
            form::insert(&mut fields, &name, text);
        }
    }
    Ok((fields, uploads))
}

/// Trims text and makes nothing of empty text; passwords keep their blanks.
fn tidy(name: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            if !name.contains("password") {
                let trimmed = text.trim_matches(is_blank);
                if trimmed.len() < text.len() {
                    *text = trimmed.to_owned();
                }
            }
            if text.is_empty() {
                *value = Value::Null;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| tidy(name, item)),
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| tidy(key, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// White space, and the marks of no width that come along when text is pasted.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{200b}' | '\u{feff}' | '\u{2060}')
}
