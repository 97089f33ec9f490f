//! The HTTP side of the double: who may ask for what, and the order in which Graph looks.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, Query, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    GraphFailure, ReadMark, Refusal, SentMessage, Shared,
    error::GraphError,
    media::{LARGEST, Upload},
    rules::{self, Call, Recipient},
    wamid,
};
use crate::recorder::lock;

/// Room for the parts of a multipart body around the largest file.
const LARGEST_BODY: usize = LARGEST + (1 << 20);

/// What a phone number answers about itself, besides its id.
const NUMBER_FIELDS: [(&str, &str); 5] = [
    ("verified_name", "Empresa de prueba"),
    ("code_verification_status", "VERIFIED"),
    ("display_phone_number", "+506 2222-3333"),
    ("quality_rating", "GREEN"),
    ("platform_type", "CLOUD_API"),
];

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{version}/{id}", get(describe))
        .route("/{version}/{id}/messages", post(message))
        .route("/{version}/{id}/media", post(upload))
        .route("/whatsapp_business/attachments/", get(download))
        .route("/_sent", get(sent))
        .fallback(unknown)
        .method_not_allowed_fallback(unsupported)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}

#[derive(Deserialize)]
struct Target {
    version: String,
    id: String,
}

impl Target {
    /// Refuses a path that does not open with a version such as `v23.0`.
    fn check_version(&self) -> Result<(), GraphError> {
        let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let version = self
            .version
            .strip_prefix('v')
            .and_then(|version| version.split_once('.'));
        match version {
            Some((major, minor)) if number(major) && number(minor) => Ok(()),
            _ => Err(GraphError::unknown_path(&format!("/{}", self.id))),
        }
    }
}

async fn message(
    State(shared): State<Arc<Shared>>,
    Path(target): Path<Target>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = json_fields(&headers, &body);
    let examined = shared
        .admit(&target, &headers)
        .and_then(|()| rules::examine(&fields, &|media| shared.media.belongs(media, &target.id)));
    match examined {
        Err(error) => shared.refuse(&target.id, error, Value::Object(fields)),
        Ok(Call::Read { message_id, typing }) => {
            let phone_number_id = target.id;
            shared.read.record(ReadMark {
                phone_number_id,
                message_id,
                typing,
            });
            Json(json!({"success": true})).into_response()
        }
        Ok(Call::Send { recipient, opaque }) => {
            let scripted = lock(&shared.next_sends).pop_front();
            let send = || shared.send(&target.id, &recipient, opaque, fields);
            match scripted {
                None => accepted(&recipient, &send()),
                Some(failure) => {
                    if failure.accepts() {
                        send();
                    }
                    failure.answer().await
                }
            }
        }
    }
}

fn accepted(recipient: &Recipient, wamid: &str) -> Response {
    let mut contact = json!({"input": recipient.input()});
    let key = match recipient {
        Recipient::Phone { .. } => "wa_id",
        Recipient::User(_) => "user_id",
    };
    contact[key] = recipient.id().into();
    let answer = json!({
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [{"id": wamid, "message_status": "accepted"}],
    });
    Json(answer).into_response()
}

/// Without the content type Graph looks for form fields, and so finds none of the parameters.
fn json_fields(headers: &HeaderMap, body: &[u8]) -> Map<String, Value> {
    let content_type = header_text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if content_type
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim() == "application/json")
    {
        serde_json::from_slice(body).unwrap_or_default()
    } else {
        Map::new()
    }
}

async fn upload(
    State(shared): State<Arc<Shared>>,
    Path(target): Path<Target>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if let Err(error) = shared.admit(&target, &headers) {
        return shared.refuse(&target.id, error, Value::Null);
    }
    let upload = match Multipart::from_request(request, &()).await {
        Ok(parts) => Upload::read(parts).await,
        // Not multipart at all: no parameter is there.
        Err(_) => Err(GraphError::missing("messaging_product")),
    };
    let upload = match upload {
        Ok(upload) => upload,
        Err(error) => return shared.refuse(&target.id, error, Value::Null),
    };
    let scripted = shared.next_media_failure();
    if let Some(failure) = scripted.as_ref().filter(|failure| !failure.accepts()) {
        return failure.answer().await;
    }
    let stored = shared.media.store(&target.id, upload);
    match scripted {
        None => Json(json!({"id": stored.id})).into_response(),
        Some(failure) => failure.answer().await,
    }
}

#[derive(Deserialize)]
struct Wanted {
    phone_number_id: Option<String>,
    fields: Option<String>,
}

async fn describe(
    State(shared): State<Arc<Shared>>,
    Path(target): Path<Target>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let described = if lock(&shared.tokens).contains_key(&target.id) {
        shared
            .admit(&target, &headers)
            .and_then(|()| describe_number(&target.id, &wanted))
    } else {
        describe_media(&shared, &target, &wanted, &headers)
    };
    let description = match described {
        Ok(description) => description,
        Err(error) => return shared.refuse(&target.id, error, Value::Null),
    };
    match description {
        Description::Number(answer) => Json(answer).into_response(),
        Description::Media(answer) => match shared.next_media_failure() {
            None => Json(answer).into_response(),
            Some(failure) => failure.answer().await,
        },
    }
}

enum Description {
    Number(Value),
    Media(Value),
}

fn describe_number(id: &str, wanted: &Wanted) -> Result<Description, GraphError> {
    let mut answer = Map::new();
    match &wanted.fields {
        None => answer.extend(NUMBER_FIELDS.map(|(key, value)| (key.to_owned(), value.into()))),
        Some(fields) => {
            for field in fields.split(',').filter(|field| *field != "id") {
                let Some((key, value)) = NUMBER_FIELDS.iter().find(|(key, _)| *key == field) else {
                    return Err(GraphError::parameter(&format!(
                        "Tried accessing nonexisting field ({field}) on node type \
                         (WhatsAppBusinessPhoneNumber)"
                    )));
                };
                answer.insert((*key).to_owned(), (*value).into());
            }
        }
    }
    answer.insert("id".to_owned(), id.into());
    Ok(Description::Number(answer.into()))
}

fn describe_media(
    shared: &Shared,
    target: &Target,
    wanted: &Wanted,
    headers: &HeaderMap,
) -> Result<Description, GraphError> {
    target.check_version()?;
    let token = shared.known_token(headers)?;
    let held = shared.media.find(&target.id);
    let held = held.filter(|held| shared.may_use(token, &held.phone_number_id));
    let asked_by_owner = |owner: &str| {
        wanted
            .phone_number_id
            .as_deref()
            .is_none_or(|id| id == owner)
    };
    match held {
        Some(held) if asked_by_owner(&held.phone_number_id) => {
            let host = header_text(headers, &header::HOST).unwrap_or("127.0.0.1");
            Ok(Description::Media(
                shared.media.describe(&held, &format!("http://{host}")),
            ))
        }
        _ => Err(GraphError::no_object("get", &target.id)),
    }
}

#[derive(Deserialize)]
struct Link {
    mid: String,
    hash: String,
}

async fn download(
    State(shared): State<Arc<Shared>>,
    Query(link): Query<Link>,
    headers: HeaderMap,
) -> Response {
    if header_text(&headers, &header::USER_AGENT).is_none() {
        return (StatusCode::FORBIDDEN, "a user agent is required").into_response();
    }
    let Some(held) = shared.media.follow(&link.mid, &link.hash) else {
        return (StatusCode::NOT_FOUND, "this link is not good, or no longer").into_response();
    };
    let token = match shared.known_token(&headers) {
        Ok(token) => token,
        Err(error) => return error.into_response(),
    };
    if !shared.may_use(token, &held.phone_number_id) {
        return GraphError::no_object("get", &link.mid).into_response();
    }
    match shared.next_media_failure() {
        Some(failure) => failure.answer().await,
        None => ([(header::CONTENT_TYPE, held.media.mime_type)], held.content).into_response(),
    }
}

async fn sent(State(shared): State<Arc<Shared>>) -> Json<Vec<SentMessage>> {
    Json(shared.sent.all())
}

async fn unknown(uri: Uri) -> Response {
    GraphError::unknown_path(uri.path()).into_response()
}

async fn unsupported(request: Request) -> Response {
    let method = request.method().as_str().to_lowercase();
    let id = request.uri().path().rsplit('/').next().unwrap_or_default();
    GraphError::no_object(&method, id).into_response()
}

fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers
        .get(name)?
        .to_str()
        .ok()
        .filter(|text| !text.is_empty())
}

impl Shared {
    /// Checks version, token and phone number, in this order.
    fn admit(&self, target: &Target, headers: &HeaderMap) -> Result<(), GraphError> {
        target.check_version()?;
        let token = self.known_token(headers)?;
        if !lock(&self.tokens).contains_key(&target.id) {
            return Err(GraphError::no_object("post", &target.id));
        }
        if !self.may_use(token, &target.id) {
            return Err(bad_token());
        }
        Ok(())
    }

    /// The bearer token of a request, if it is that of any number.
    fn known_token<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, GraphError> {
        let authorization = header_text(headers, &header::AUTHORIZATION).unwrap_or_default();
        let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
        let known = lock(&self.tokens).values().any(|known| known == token);
        if known { Ok(token) } else { Err(bad_token()) }
    }

    fn may_use(&self, token: &str, phone_number_id: &str) -> bool {
        lock(&self.tokens)
            .get(phone_number_id)
            .is_some_and(|known| known == token)
    }

    fn next_media_failure(&self) -> Option<GraphFailure> {
        lock(&self.next_media).pop_front()
    }

    /// Records a message as sent and returns its new id.
    fn send(
        &self,
        phone_number_id: &str,
        recipient: &Recipient,
        opaque: Option<String>,
        body: Map<String, Value>,
    ) -> String {
        let wamid = wamid::mint(recipient.id());
        self.sent.record(SentMessage {
            phone_number_id: phone_number_id.to_owned(),
            to: recipient.input().to_owned(),
            body: body.into(),
            wamid: wamid.clone(),
            opaque,
        });
        wamid
    }

    fn refuse(&self, id: &str, error: GraphError, body: Value) -> Response {
        self.refused.record(Refusal {
            object_id: id.to_owned(),
            status: error.status.as_u16(),
            code: error.code,
            message: error.message.clone(),
            details: error.details.clone(),
            body,
        });
        error.into_response()
    }
}

fn bad_token() -> GraphError {
    GraphError::bad_token("Invalid OAuth access token - Cannot parse access token")
}
