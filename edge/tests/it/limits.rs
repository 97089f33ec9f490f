//! Callers that call too often.

use edge::{Config, Limits};
use serde_json::json;

use crate::harness::{Edge, request};

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
