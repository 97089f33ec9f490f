//! Stored files, read by whoever knows their name.
//!
//! What guests send is served from our own origin, so nothing of it may run
//! there: only pictures, sounds and films of known types show in the browser,
//! everything else is saved, and the page it would be has no rights. A file
//! passes through in chunks; it is never here as a whole.

mod range;

use std::time::Duration;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use chassis::ErrorCode;
use futures_util::{Stream, stream};
use http::{
    HeaderValue, StatusCode,
    header::{
        ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
        CONTENT_TYPE, ETAG,
    },
};
use proto::channel::v1::{
    GetMediaRequest, GetMediaResponse, MediaInfo, get_media_response::Part,
    media_service_client::MediaServiceClient,
};
use tonic::Streaming;

use self::range::{Wanted, is_current};
use crate::{
    errors::{Failure, Shape, Wording},
    exchange::Exchange,
};

/// How long the service may be silent within a file.
const SILENCE: Duration = Duration::from_secs(15);

/// The types that a browser may show. Drawings in SVG are pages and not among them.
const SHOWN: [&str; 22] = [
    "audio/aac",
    "audio/amr",
    "audio/m4a",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/wav",
    "audio/x-wav",
    "audio/x-flac",
    "image/bmp",
    "image/gif",
    "image/heif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/3gpp",
    "video/mp4",
    "video/mpeg",
    "video/quicktime",
    "video/webm",
    "video/x-m4v",
];

/// A page made of a file may load nothing and has no origin.
const POLICY: &str = "default-src 'none'; img-src 'self'; media-src 'self'; \
                      style-src 'unsafe-inline'; sandbox";

/// Answers a file, or the part of it that is asked for.
pub async fn file(exchange: &Exchange, filename: String) -> Result<Response, Failure> {
    let wanted = exchange.header("range");
    let asked = GetMediaRequest {
        filename,
        offset: 0,
        // Which bytes a range means shows when the size is known.
        length: (!wanted.is_empty()).then_some(0),
    };
    let (info, content) = open(exchange, asked.clone()).await?;
    let etag = etag(&info);
    if is_current(&exchange.header("if-none-match"), &etag) {
        return Ok(described(StatusCode::NOT_MODIFIED, &etag, Body::empty()));
    }
    let size = u64::try_from(info.size).unwrap_or(0);
    let if_range = exchange.header("if-range");
    let whole = !(if_range.is_empty() || if_range == etag);
    let (status, from, length, content) = match Wanted::of(&wanted, size) {
        Wanted::Nothing if !whole => {
            let mut response = described(StatusCode::RANGE_NOT_SATISFIABLE, &etag, Body::empty());
            insert(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(response);
        }
        Wanted::Part { from, length } if !whole => {
            let part = GetMediaRequest {
                offset: i64::try_from(from).unwrap_or(i64::MAX),
                length: Some(i64::try_from(length).unwrap_or(i64::MAX)),
                ..asked
            };
            let (_, content) = open(exchange, part).await?;
            (StatusCode::PARTIAL_CONTENT, from, length, content)
        }
        _ if asked.length.is_none() => (StatusCode::OK, 0, size, content),
        _ => {
            let all = GetMediaRequest {
                length: None,
                ..asked
            };
            (StatusCode::OK, 0, size, open(exchange, all).await?.1)
        }
    };
    let mut response = described(status, &etag, Body::from_stream(chunks(content, length)));
    let shown = SHOWN.contains(&info.mime.as_str());
    insert(&mut response, CONTENT_TYPE, content_type(&info.mime));
    let disposition = if shown { "inline" } else { "attachment" };
    insert(&mut response, CONTENT_DISPOSITION, disposition);
    insert(&mut response, CONTENT_LENGTH, &length.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = (from + length).saturating_sub(1);
        insert(
            &mut response,
            CONTENT_RANGE,
            &format!("bytes {from}-{last}/{size}"),
        );
    }
    Ok(response)
}

/// The description of a file, and its content to come.
async fn open(
    exchange: &Exchange,
    asked: GetMediaRequest,
) -> Result<(MediaInfo, Streaming<GetMediaResponse>), Failure> {
    let unknown = || {
        Failure::shaped(
            StatusCode::BAD_REQUEST,
            Shape::StatusAndMessage,
            "Archivo no encontrado",
        )
    };
    let refused = |status| exchange.refused(&status, &Wording::GENERAL);
    let mut media = MediaServiceClient::new(exchange.app.upstreams.channel_connector.clone());
    let answer = media.get_media(exchange.call()?.request(asked)).await;
    let mut content = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) if ErrorCode::of(status.code()) == ErrorCode::NotFound => {
            return Err(unknown());
        }
        Err(status) => return Err(refused(status)),
    };
    let first = content.message().await.map_err(refused)?;
    let Some(Part::Info(info)) = first.and_then(|answer| answer.part) else {
        tracing::error!("a file does not begin with its description");
        return Err(Failure::internal());
    };
    Ok((info, content))
}

/// The content, which ends early only with an error: nobody takes a part for the whole.
fn chunks(
    content: Streaming<GetMediaResponse>,
    length: u64,
) -> impl Stream<Item = Result<Bytes, String>> {
    stream::try_unfold((content, length), |(mut content, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let next = tokio::time::timeout(SILENCE, content.message())
            .await
            .map_err(|_| "the file does not go on".to_owned())?
            .map_err(|status| status.message().to_owned())?;
        match next.and_then(|answer| answer.part) {
            Some(Part::Chunk(mut chunk)) => {
                chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - u64::try_from(chunk.len()).unwrap_or(left);
                Ok(Some((chunk, (content, left))))
            }
            _ => Err("the file ends early".to_owned()),
        }
    })
}

/// What every answer about a file has.
fn described(status: StatusCode, etag: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    insert(&mut response, ETAG, etag);
    insert(&mut response, ACCEPT_RANGES, "bytes");
    insert(&mut response, CONTENT_SECURITY_POLICY, POLICY);
    response
}

fn insert(response: &mut Response, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    } else {
        tracing::error!(%name, "a header of a file cannot be written");
    }
}

/// The digest, so that equal files are equal wherever they were stored.
fn etag(info: &MediaInfo) -> String {
    format!("\"{}\"", hex::encode(&info.sha256))
}

/// What would be a page is no type that a browser knows.
fn content_type(mime: &str) -> &str {
    let page = mime.starts_with("text/") || mime.contains("xml") || mime.contains("html");
    if mime.is_empty() || page {
        "application/octet-stream"
    } else {
        mime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_is_served_as_one() {
        for page in [
            "text/html",
            "text/xml",
            "image/svg+xml",
            "application/xhtml+xml",
            "",
        ] {
            assert_eq!(content_type(page), "application/octet-stream", "{page}");
            assert!(!SHOWN.contains(&page), "{page}");
        }
        assert_eq!(content_type("application/pdf"), "application/pdf");
    }
}
