//! Large answers are compressed for callers who can unpack them.
//!
//! Answers that nobody may store hold secrets, and what a caller sends comes back in
//! some of them: their size must not tell (BREACH), so they stay as they are.

use std::io::Write;

use axum::{
    body::{Body, HttpBody, to_bytes},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_TYPE, ETAG, VARY,
    },
};

/// Below this many bytes an answer fits a packet as it is.
const WORTH_IT: u64 = 1024;

/// What is text; pictures and films are packed already.
const TEXTS: [&str; 5] = [
    "application/json",
    "text/html",
    "text/css",
    "text/javascript",
    "application/javascript",
];

/// Whether a caller unpacks gzip: named, or covered by `*`, and not with `q=0`
/// (RFC 9110, 12.5.3).
pub(super) fn unpacks(headers: &HeaderMap) -> bool {
    let Some(accepted) = headers.get(ACCEPT_ENCODING) else {
        return false;
    };
    let accepted = accepted.to_str().unwrap_or_default();
    let mut any = false;
    for offer in accepted.split(',') {
        let (coding, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        let wanted = weight.trim().parse().is_ok_and(|weight: f32| weight > 0.0);
        match coding.trim() {
            "gzip" | "x-gzip" => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

/// The answer for a caller who unpacks it, or not.
pub(super) async fn pack(unpacks: bool, mut response: Response) -> Response {
    if !is_packable(&response) {
        return response;
    }
    let vary = HeaderValue::from_static("Accept-Encoding");
    response.headers_mut().append(VARY, vary);
    if !unpacks {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // All of it is here already, as its exact size says.
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Ok(packed) = gzip(&whole) else {
        return Response::from_parts(parts, Body::from(whole));
    };
    let gzip = HeaderValue::from_static("gzip");
    parts.headers.insert(CONTENT_ENCODING, gzip);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(packed))
}

fn is_packable(response: &Response) -> bool {
    let headers = response.headers();
    let large = response.body().size_hint().exact() >= Some(WORTH_IT);
    let kind = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], |kind| kind.as_bytes());
    let text = TEXTS.iter().any(|text| kind.starts_with(text.as_bytes()));
    let secret = headers
        .get(CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("no-store"));
    // An ETag names the bytes as they are.
    let fixed = [CONTENT_ENCODING, CONTENT_RANGE, ETAG];
    large && text && !secret && !fixed.iter().any(|name| headers.contains_key(name))
}

/// Fast rather than small: it is done before the first byte goes out.
fn gzip(whole: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(whole.len() / 4), Compression::fast());
    packer.write_all(whole)?;
    packer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secrets_files_and_pictures_stay_as_they_are() {
        let answer = |name, value| {
            let response = Response::builder()
                .header(CONTENT_TYPE, "application/json")
                .header(name, value)
                .body(Body::from("x".repeat(4096)));
            response.unwrap_or_default()
        };
        let packed = async |response| {
            let response = pack(true, response).await;
            response.headers().contains_key(CONTENT_ENCODING)
        };
        assert!(packed(answer(CACHE_CONTROL, "no-cache, private")).await);
        assert!(!packed(answer(CACHE_CONTROL, "no-store")).await);
        assert!(!packed(answer(ETAG, "\"1\"")).await);
        assert!(!packed(answer(CONTENT_RANGE, "bytes 0-9/20")).await);
        let mut picture = answer(CACHE_CONTROL, "private");
        let kind = HeaderValue::from_static("image/png");
        picture.headers_mut().insert(CONTENT_TYPE, kind);
        assert!(!packed(picture).await);
    }

    #[test]
    fn callers_say_what_they_unpack() {
        let unpacks = |accepted: &'static str| {
            let value = HeaderValue::from_static(accepted);
            unpacks(&HeaderMap::from_iter([(ACCEPT_ENCODING, value)]))
        };
        for accepted in ["gzip", "br, gzip;q=0.5", "x-gzip", "*", "br, *;q=0.1"] {
            assert!(unpacks(accepted), "{accepted}");
        }
        for accepted in ["", "br", "identity", "gzip;q=0", "*, gzip; q=0", "gzip;q=x"] {
            assert!(!unpacks(accepted), "{accepted}");
        }
    }
}
