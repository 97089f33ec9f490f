//! What providers post.

use chassis::ErrorCode;
use http::StatusCode;
use tonic::Status;

use crate::{
    fakes::refusal,
    harness::{Answer, Edge, request},
};

async fn post(edge: &Edge, path: &str, signature: &str, body: Vec<u8>) -> Answer {
    let asked = request("POST", path)
        .header("x-hub-signature-256", signature)
        .header("x-telegram-bot-api-secret-token", signature)
        .header("user-agent", "provider/1")
        .body("application/json", body);
    edge.send(asked.build()).await
}

#[tokio::test]
async fn bodies_are_handed_on_as_they_came() {
    let edge = Edge::new();
    let body = b"\xff not json \r\n".to_vec();
    let answer = post(&edge, "/api/meta/readMessagesWAP/uuid-1", "right", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let (_, words) = edge.world.last("Accept");
    for part in [
        r#"b"\xff not json \r\n""#,
        r#"route_key: "uuid-1""#,
        r#"signature: b"right""#,
        r#"content_type: "application/json""#,
        r#"user_agent: "provider/1""#,
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    post(
        &edge,
        "/api/meta/readMessagesWAP?uuid=uuid-2",
        "right",
        vec![],
    )
    .await;
    assert!(edge.world.last("Accept").1.contains(r#"route_key: """#));
}

#[tokio::test]
async fn telegram_hears_one_word() {
    let edge = Edge::new();
    let path = "/api/telegram/receive/c169c38d";
    let answer = post(&edge, path, "right", b"{}".to_vec()).await;
    assert_eq!(answer.text, r#"{"status":"ok"}"#);
    let answer = post(&edge, path, "forged", b"{}".to_vec()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.text, r#"{"message":"Unauthenticated."}"#);
}

#[tokio::test]
async fn four_mebibytes_pass_and_no_more() {
    let edge = Edge::new();
    let path = "/api/meta/readMessagesWAP";
    let answer = post(&edge, path, "right", vec![b'x'; 4 << 20]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer = post(&edge, path, "right", vec![b'x'; (4 << 20) + 1]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(edge.world.count("Accept"), 1);
}

#[tokio::test]
async fn providers_try_again_only_when_that_can_help() {
    for (status, code) in [
        (Status::unavailable("down"), 503),
        (Status::deadline_exceeded("slow"), 503),
        (Status::internal("broken"), 500),
        (Status::unauthenticated("who"), 401),
        (refusal(ErrorCode::TooLarge, "LONG"), 413),
        (refusal(ErrorCode::NotFound, "CHANNEL_UNKNOWN"), 200),
        (refusal(ErrorCode::InvalidInput, "ODD"), 200),
    ] {
        let edge = Edge::new();
        edge.world.fail(status.clone());
        let answer = post(&edge, "/api/telegram/receive/9", "right", b"{}".to_vec()).await;
        assert_eq!(answer.status.as_u16(), code, "{status}");
    }
}

#[tokio::test]
async fn meta_gets_its_challenge_back() {
    let edge = Edge::new();
    let path = "/api/meta/readMessagesWAP";
    let query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token";
    let ask = async |path: &str, token: &str| {
        let asked = request("GET", &format!("{path}?{query}={token}"));
        edge.send(asked.build()).await
    };
    let answer = ask(path, "ours").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text, "1158201444");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(ask(path, "theirs").await.status, StatusCode::FORBIDDEN);
    let answer = ask("/api/meta/readMessagesWAP/uuid-1", "ours").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(edge.world.last("VerifySubscription").1.contains("uuid-1"));
    let bare = edge.send(request("GET", path).build()).await;
    assert_eq!(bare.status, StatusCode::FORBIDDEN);
}
