//! Callers that call too often, and those that call from elsewhere.

use std::{net::SocketAddr, sync::Arc};

use axum::{body::Body, extract::ConnectInfo};
use bytes::Bytes;
use edge::{Config, Limits};
use http::{Request, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;

use crate::harness::{AGENT, Answer, Edge, request};

#[tokio::test]
async fn an_empty_bucket_says_when_to_come_back() {
    let edge = Edge::with(Config {
        limits: Limits {
            sign_in: 2,
            ..Limits::default()
        },
        ..Config::default()
    });
    let login = async |consumo: &str| {
        let asked = request("POST", "/api/auth/login")
            .header("x-user-consumo", consumo)
            .header("x-user-secret", "secret")
            .json(&json!({}));
        edge.send(asked.build()).await
    };
    for _ in 0..2 {
        assert_eq!(login("UsuarioPrueba").await.status.as_u16(), 422);
    }
    let answer = login("UsuarioPrueba").await;
    assert_eq!(answer.status.as_u16(), 429);
    assert_eq!(answer.json()["message"], "Too Many Attempts.");
    assert_eq!(answer.header("x-ratelimit-limit"), "2");
    assert_eq!(answer.header("x-ratelimit-remaining"), "0");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(login("EmpresaDemo").await.status.as_u16(), 422);
}

async fn call(edge: &Edge, consumo: &str, secret: &str, from: &str) -> Answer {
    let mut asked = request("POST", "/api/chat/list")
        .header("x-user-consumo", consumo)
        .header("x-user-secret", secret)
        .bearer(AGENT)
        .json(&json!({"paginate": "N"}))
        .build();
    let peer: SocketAddr = from.parse().unwrap();
    asked.extensions_mut().insert(ConnectInfo(peer));
    edge.send(asked).await
}

#[tokio::test]
async fn a_client_with_limits_is_told_what_is_left() {
    let edge = Edge::new();
    let from = "198.51.100.7:9";
    for left in ["1", "0"] {
        let answer = call(&edge, "Medido", "secret", from).await;
        assert_eq!(answer.status.as_u16(), 200);
        assert_eq!(answer.header("x-ratelimit-limit"), "60");
        assert_eq!(answer.header("x-ratelimit-remaining"), left);
    }
    // Another address does not help.
    let answer = call(&edge, "Medido", "secret", "198.51.100.8:9").await;
    assert_eq!(answer.status.as_u16(), 429);
    assert_eq!(answer.json()["message"], "Too Many Attempts.");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("x-ratelimit-limit"), "60");
    assert_eq!(answer.header("x-ratelimit-remaining"), "0");
    let answer = call(&edge, "UsuarioPrueba", "secret", from).await;
    assert_eq!(answer.header("x-ratelimit-limit"), "");
}

#[tokio::test]
async fn refusals_of_a_client_with_limits_tell_it_too() {
    let edge = Edge::new();
    let asked = request("POST", "/api/guest/store")
        .header("x-user-consumo", "Medido")
        .header("x-user-secret", "secret")
        .json(&json!({}));
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status.as_u16(), 422);
    assert_eq!(answer.header("x-ratelimit-remaining"), "1");
}

#[tokio::test]
async fn the_defaults_of_the_deployment_hold_for_everybody_else() {
    let edge = Edge::with(Config {
        limits: Limits {
            client_per_day: 1,
            ..Limits::default()
        },
        ..Config::default()
    });
    let from = "198.51.100.7:9";
    let first = call(&edge, "UsuarioPrueba", "secret", from).await;
    assert_eq!(first.header("x-ratelimit-remaining"), "0");
    let second = call(&edge, "UsuarioPrueba", "secret", from).await;
    assert_eq!(second.status.as_u16(), 429);
    let wait: u32 = second.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    let other = call(&edge, "EmpresaDemo", "secret", from).await;
    assert_eq!(other.status.as_u16(), 200);
}

#[tokio::test]
async fn a_client_that_calls_from_elsewhere_looks_like_a_wrong_secret() {
    let edge = Edge::new();
    let inside = "203.0.113.9:9";
    assert_eq!(call(&edge, "Fijo", "secret", inside).await.status, 200);
    let outside = "198.51.100.7:9";
    let elsewhere = call(&edge, "Fijo", "secret", outside).await;
    let wrong = call(&edge, "Fijo", "wrong", outside).await;
    assert_eq!(elsewhere.status.as_u16(), 401);
    assert_eq!(
        (elsewhere.status, &elsewhere.text),
        (wrong.status, &wrong.text)
    );
    // Neither does a wrong token of a user tell that the secret is right.
    let mut asked = request("POST", "/api/chat/list")
        .header("x-user-consumo", "Fijo")
        .header("x-user-secret", "secret")
        .bearer("forged")
        .json(&json!({"paginate": "N"}))
        .build();
    let peer: SocketAddr = outside.parse().unwrap();
    asked.extensions_mut().insert(ConnectInfo(peer));
    assert_eq!(edge.send(asked).await.text, wrong.text);
}

/// A request that stays under way, because its body never ends; and what says that
/// the body is being read.
fn endless() -> (Request<Body>, oneshot::Receiver<()>) {
    let (reading, under_way) = oneshot::channel();
    let body = futures_util::stream::once(async move {
        let _ = reading.send(());
        std::future::pending::<std::io::Result<Bytes>>().await
    });
    let asked = request("POST", "/api/chat/list")
        .client()
        .bearer(AGENT)
        .body("application/json", Body::from_stream(body));
    (asked.build(), under_way)
}

#[tokio::test]
async fn more_requests_than_there_is_place_for_are_sent_away_at_once() {
    let edge = Arc::new(Edge::with(Config {
        requests_at_once: 1,
        ..Config::default()
    }));
    let asked = || request("GET", "/api/users/show/15").client().build();
    assert_eq!(edge.send(asked()).await.status, StatusCode::OK);
    let (endless, under_way) = endless();
    let holder = Arc::clone(&edge);
    let held = tokio::spawn(async move { holder.send(endless).await });
    under_way.await.unwrap();

    let refused = edge.send(asked()).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.json()["code"], 503);
    let probe = edge.send(request("GET", "/healthz").build()).await;
    assert_eq!(probe.status, StatusCode::OK);

    held.abort();
    assert!(held.await.is_err());
    assert_eq!(edge.send(asked()).await.status, StatusCode::OK);
}
