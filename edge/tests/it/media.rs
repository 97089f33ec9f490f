//! Stored files: whole, in part, not at all, and never as a page of ours.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tonic::Status;
use tower::ServiceExt;

use crate::{
    fakes::{CONTENT, PHOTO},
    harness::{Answer, Edge, request},
};

const META: &str = "/api/meta/getMediaFile";
const TELEGRAM: &str = "/api/telegram/getMediaFile";

async fn get(edge: &Edge, path: &str, filename: &str, headers: &[(&str, &str)]) -> Answer {
    let mut asked = request("GET", &format!("{path}?filename={filename}"));
    for (name, value) in headers {
        asked = asked.header(name, value);
    }
    edge.send(asked.build()).await
}

#[tokio::test]
async fn whoever_knows_the_name_gets_the_file() {
    let edge = Edge::new();
    for path in [META, TELEGRAM] {
        let answer = get(&edge, path, PHOTO, &[]).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.text, CONTENT);
        assert_eq!(answer.header("content-length"), "20");
        assert_eq!(answer.header("content-type"), "image/jpeg");
        assert_eq!(answer.header("content-disposition"), "inline");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("etag"), format!("\"{}\"", "ab".repeat(32)));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").contains("sandbox"));
    }
}

#[tokio::test]
async fn unknown_names_are_refused_as_documented() {
    let edge = Edge::new();
    let unknown = r#"{"status":"error","message":"Archivo no encontrado"}"#;
    for path in [META, TELEGRAM] {
        for name in ["photo_1.jpg", "..%2F..%2Fetc%2Fpasswd", "photo_12345.jp"] {
            let answer = get(&edge, path, name, &[]).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
            assert_eq!(answer.text, unknown, "{name}");
        }
    }
    let answer = edge.send(request("GET", META).build()).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (400, unknown));
    let answer = edge.send(request("GET", TELEGRAM).build()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        answer.json()["data"]["errors"]["filename"][0],
        "El campo filename es requerido."
    );
}

#[tokio::test]
async fn what_could_be_a_page_is_saved_and_not_shown() {
    let edge = Edge::new();
    for (name, kind) in [
        ("document_1.html", "application/octet-stream"),
        ("document_1.pdf", "application/pdf"),
    ] {
        let answer = get(&edge, META, name, &[]).await;
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("content-disposition"), "attachment");
        assert_eq!(answer.text, CONTENT);
    }
}

#[tokio::test]
async fn parts_are_answered_as_parts() {
    let edge = Edge::new();
    for (range, part, told) in [
        ("bytes=0-3", "0123", "bytes 0-3/20"),
        ("bytes=5-", "56789abcdefghij", "bytes 5-19/20"),
        ("bytes=-2", "ij", "bytes 18-19/20"),
        ("bytes=18-99", "ij", "bytes 18-19/20"),
    ] {
        let answer = get(&edge, META, PHOTO, &[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answer.text, part, "{range}");
        assert_eq!(answer.header("content-range"), told, "{range}");
        assert_eq!(answer.header("content-length"), part.len().to_string());
    }
    let answer = get(&edge, META, PHOTO, &[("range", "bytes=20-")]).await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.header("content-range"), "bytes */20");
    assert_eq!(answer.text, "");
    for odd in ["bytes=0-1,3-4", "nothing", "bytes=9-1"] {
        let answer = get(&edge, META, PHOTO, &[("range", odd)]).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.text),
            (200, CONTENT),
            "{odd}"
        );
    }
    // Somebody who has the beginning of another file gets all of this one.
    let other = [("range", "bytes=5-"), ("if-range", "\"other\"")];
    let answer = get(&edge, META, PHOTO, &other).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (200, CONTENT));
    let etag = format!("\"{}\"", "ab".repeat(32));
    let same = [("range", "bytes=18-"), ("if-range", &*etag)];
    assert_eq!(get(&edge, META, PHOTO, &same).await.text, "ij");
}

#[tokio::test]
async fn whoever_has_the_file_is_not_sent_it_again() {
    let edge = Edge::new();
    let etag = format!("\"{}\"", "ab".repeat(32));
    for tags in [etag.clone(), format!("\"x\", W/{etag}"), "*".into()] {
        let answer = get(&edge, META, PHOTO, &[("if-none-match", &tags)]).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{tags}");
        assert_eq!((answer.header("etag"), &*answer.text), (&*etag, ""));
    }
    let answer = get(&edge, META, PHOTO, &[("if-none-match", "\"x\"")]).await;
    assert_eq!(answer.text, CONTENT);
}

/// A connection that ends early is no whole file, and must not look like one.
#[tokio::test]
async fn a_file_that_ends_early_is_an_error() {
    let edge = Edge::new();
    *edge.world.cut_off_after.lock().unwrap() = Some(1);
    let asked = Request::get(format!("{META}?filename={PHOTO}"));
    let asked = asked.body(Body::empty()).unwrap();
    let response = edge.router.clone().oneshot(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_service_that_is_away_is_not_an_unknown_file() {
    let edge = Edge::new();
    edge.world.fail(Status::unavailable("down"));
    let answer = get(&edge, META, PHOTO, &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
