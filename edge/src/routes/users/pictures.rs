//! Pictures of users, on their way to identity and back in pieces.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use proto::identity::v1::{
    DeleteUserPictureRequest, GetUserPictureRequest, GetUserPictureResponse,
    StageUserPictureRequest, StagedPictureHeader, UploadUserPictureRequest, UserPicture,
    UserPictureHeader, get_user_picture_response, stage_user_picture_request,
    upload_user_picture_request,
};
use serde::Serialize;
use tonic::{Status, Streaming};

use super::{WORDING, client, refused};
use crate::{
    errors::Failure,
    exchange::Exchange,
    input::Check,
    routes::{meta, pictures},
    table::PICTURE_BODY,
};

pub const NO_PICTURE: &str = "El usuario no tiene foto.";
pub const TYPE_UNKNOWN: &str = "La imagen no es de un tipo permitido.";
pub const TOO_MANY_PIXELS: &str = "La imagen tiene demasiados pixeles.";
pub const BROKEN: &str = "La imagen esta danada o incompleta.";
pub const TOO_LARGE: &str = "La imagen no debe superar 2 MB.";
const REQUIRED: &str = "Debe enviar la imagen en base64 en el campo pic.";

/// The largest picture, in bytes.
const LARGEST: usize = 2 * 1024 * 1024;

/// The largest piece of a stream, in bytes.
const PIECE: usize = 64 * 1024;

#[derive(Serialize)]
struct Address {
    id: i64,
    pic_url: String,
}

#[derive(Serialize)]
struct Description {
    id: i64,
    mime: String,
    size: i64,
    updated_at: String,
}

#[derive(Serialize)]
struct Removed {
    id: i64,
}

/// How a picture is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Binary,
    Url,
    Meta,
}

/// Where a picture is shown.
fn address(exchange: &Exchange, id: i64) -> Address {
    Address {
        id,
        pic_url: pictures::url(&exchange.app.public_url, id),
    }
}

/// The picture in `pic`, as a file or as base64, if one was sent.
pub fn sent(exchange: &Exchange, check: &mut Check<'_>) -> Option<Bytes> {
    let content = if let Some(upload) = exchange.input.upload("pic") {
        upload.content.clone()
    } else {
        let field = check.field("pic").saying(REQUIRED);
        let text = field.text_if_sent(PICTURE_BODY)?;
        let decoded = meta::decode(&text).filter(|content| !content.is_empty());
        let Some(content) = decoded else {
            // What is no text was told already.
            if !text.is_empty() {
                check.fail("pic", REQUIRED);
            }
            return None;
        };
        content.into()
    };
    if content.len() > LARGEST {
        check.fail("pic", TOO_LARGE);
    }
    Some(content)
}

/// A content in pieces that services take.
fn pieces(mut content: Bytes) -> impl Iterator<Item = Bytes> + Send + 'static {
    std::iter::from_fn(move || {
        let piece = content.split_to(content.len().min(PIECE));
        (!piece.is_empty()).then_some(piece)
    })
}

/// Hands a picture on for a user who does not exist yet; answers its name.
pub async fn stage(
    exchange: &Exchange,
    company_id: i64,
    content: Bytes,
) -> Result<String, Failure> {
    use stage_user_picture_request::Part;
    let header = Part::Header(StagedPictureHeader { company_id });
    let parts = std::iter::once(header).chain(pieces(content).map(Part::Chunk));
    let messages = parts.map(|part| StageUserPictureRequest { part: Some(part) });
    let answer = client(exchange)
        .stage_user_picture(exchange.call()?.request(stream::iter(messages)))
        .await
        .map_err(|status| refused(exchange, &status, &WORDING))?;
    Ok(answer.into_inner().staged_picture_id)
}

/// PATCH users/uploadUserPic/{id}.
pub async fn upload(exchange: Exchange) -> Result<Response, Failure> {
    use upload_user_picture_request::Part;
    let mut check = exchange.check();
    let user_id = check.field("id").id();
    let content = sent(&exchange, &mut check);
    if content.is_none() && exchange.input.get("pic").is_none() {
        check.fail("pic", REQUIRED);
    }
    check.done()?;

    let header = Part::Header(UserPictureHeader { user_id });
    let content = pieces(content.unwrap_or_default());
    let parts = std::iter::once(header).chain(content.map(Part::Chunk));
    let messages = parts.map(|part| UploadUserPictureRequest { part: Some(part) });
    let answer = client(&exchange)
        .upload_user_picture(exchange.call()?.request(stream::iter(messages)))
        .await
        .map_err(|status| refused(&exchange, &status, &WORDING))?
        .into_inner();
    let data = address(&exchange, answer.user_id);
    Ok(exchange.answer("Imagen cargada correctamente.", &data))
}

/// GET users/showUserPic/{id}.
pub async fn show(exchange: Exchange) -> Result<Response, Failure> {
    use get_user_picture_response::Part;
    let mut check = exchange.check();
    let user_id = check.field("id").id();
    let mode = check.field("mode").one_of(&[
        ("binary", Mode::Binary),
        ("url", Mode::Url),
        ("meta", Mode::Meta),
    ]);
    check.done()?;

    let mode = mode.unwrap_or(Mode::Binary);
    let asked = GetUserPictureRequest {
        user_id,
        info_only: mode != Mode::Binary,
    };
    let refuse = |status: Status| refused(&exchange, &status, &WORDING);
    let mut parts = client(&exchange)
        .get_user_picture(exchange.call()?.request(asked))
        .await
        .map_err(refuse)?
        .into_inner();
    let first = parts.message().await.map_err(refuse)?;
    let Some(Part::Picture(picture)) = first.and_then(|first| first.part) else {
        return Err(Failure::internal());
    };
    match mode {
        Mode::Binary => binary(&exchange, &picture, parts),
        Mode::Url => Ok(exchange.answer("", &address(&exchange, user_id))),
        Mode::Meta => {
            let data = Description {
                id: user_id,
                updated_at: picture.updated_at.unwrap_or_default().to_string(),
                mime: picture.mime,
                size: picture.size,
            };
            Ok(exchange.answer("", &data))
        }
    }
}

/// The bytes themselves, or that the caller has them already.
fn binary(
    exchange: &Exchange,
    picture: &UserPicture,
    parts: Streaming<GetUserPictureResponse>,
) -> Result<Response, Failure> {
    use get_user_picture_response::Part;
    let tag = format!("\"{}\"", hex::encode(&picture.sha256));
    let known = is_known(&exchange.header(IF_NONE_MATCH.as_str()), &tag);
    let body = if known {
        Body::empty()
    } else {
        Body::from_stream(parts.map(|part| {
            part.map(|part| match part.part {
                Some(Part::Chunk(piece)) => piece,
                Some(Part::Picture(_)) | None => Bytes::new(),
            })
        }))
    };
    let mut response = Response::new(body);
    let header = |text: &str| HeaderValue::from_str(text).map_err(|_| Failure::internal());
    let tag = header(&tag)?;
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(CONTENT_TYPE, header(&picture.mime)?);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(picture.size));
    }
    Ok(response)
}

/// Says whether a list of tags, or the star for all of them, names this one.
fn is_known(tags: &str, tag: &str) -> bool {
    tags.split(',').any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

/// DELETE users/deleteUserPic/{id}. That there was no picture is fine by force.
pub async fn remove(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let user_id = check.field("id").id();
    let force = check.field("force").switch().unwrap_or(false);
    check.done()?;

    let answer = client(&exchange)
        .delete_user_picture(
            exchange
                .call()?
                .request(DeleteUserPictureRequest { user_id }),
        )
        .await
        .map_err(|status| refused(&exchange, &status, &WORDING))?
        .into_inner();
    if !answer.deleted && !force {
        return Err(Failure::said(StatusCode::NOT_FOUND, NO_PICTURE));
    }
    Ok(exchange.answer("Foto eliminada correctamente.", &Removed { id: user_id }))
}
