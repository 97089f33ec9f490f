//! Large answers go out compressed, small ones as they are.

use std::io::Read;

use axum::body::to_bytes;
use flate2::read::GzDecoder;
use http::HeaderMap;
use tower::ServiceExt;

use crate::harness::{Asked, Edge, request};

/// What comes for a caller who unpacks gzip.
async fn packed(edge: &Edge, asked: Asked) -> (HeaderMap, Vec<u8>) {
    let asked = asked.header("accept-encoding", "br;q=1.0, gzip;q=0.8");
    let answer = edge.router.clone().oneshot(asked.build()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    (parts.headers, bytes.to_vec())
}

#[tokio::test]
async fn text_that_is_large_goes_out_compressed_to_who_unpacks_it() {
    let edge = Edge::new();
    let plain = edge.send(request("GET", "/openapi.json").build()).await;
    assert_eq!(plain.header("content-encoding"), "");
    let vary = |headers: &HeaderMap| {
        let mut named = headers.get_all("vary").iter();
        named.any(|value| value.to_str().unwrap().contains("Accept-Encoding"))
    };
    assert!(vary(&plain.headers), "{:?}", plain.headers);
    let (headers, bytes) = packed(&edge, request("GET", "/openapi.json")).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(vary(&headers), "{headers:?}");
    assert!(bytes.len() < plain.text.len() / 4, "{}", bytes.len());
    let mut text = String::new();
    GzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, plain.text);
}

#[tokio::test]
async fn small_answers_stay_as_they_are() {
    let edge = Edge::new();
    let small = request("GET", "/api/users/show/15").client();
    let (headers, _) = packed(&edge, small).await;
    assert!(!headers.contains_key("content-encoding"), "{headers:?}");
}
