//! Tokens and what they say of their users.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use http::StatusCode;
use serde_json::json;

use crate::harness::{AGENT, Edge, JUAN, request};

#[tokio::test]
async fn a_refresh_hands_on_the_token_and_nothing_keeps_the_answer() {
    let edge = Edge::new();
    let asked = request("GET", "/api/auth/refreshUserToken").client();
    let answer = edge.send(asked.bearer(AGENT).build()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    let (caller, asked) = edge.world.last("Refresh");
    assert!(asked.contains(AGENT), "{asked}");
    assert_eq!(caller.user.unwrap().id.0, 7);
}

#[tokio::test]
async fn the_picture_is_told_only_when_asked_for() {
    let edge = Edge::new();
    let ask = async |token: &str, query: &str| {
        let path = format!("/api/auth/getRequestUserData{query}");
        let asked = request("GET", &path).client().bearer(token);
        edge.send(asked.build()).await
    };
    let plain = ask(JUAN, "").await.json()["data"].to_string();
    assert_eq!(
        plain,
        r#"{"id":15,"name":"Juan Perez","email":"juan@empresa.com"}"#
    );
    let with = ask(JUAN, "?include=pic_url").await;
    assert!(
        with.text.contains("/api/users/showUserPic/15"),
        "{}",
        with.text
    );
    let none = ask(AGENT, "?include=pic_url").await;
    assert_eq!(none.json()["data"]["pic_url"], "");
    let other = ask(JUAN, "?include=phone").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(other.json()["data"]["errors"]["include"].is_array());
}

#[tokio::test]
async fn anybody_may_read_the_public_keys() {
    let edge = Edge::new();
    let asked = request("GET", "/.well-known/jwks.json");
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let key = |kid: &str, byte| {
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid,
               "x": BASE64URL.encode([byte; 32])})
    };
    let wanted = json!({"keys": [key("present", 0_u8), key("next", 255)]});
    assert_eq!(answer.json(), wanted);
}
