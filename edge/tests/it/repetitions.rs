//! Operations that may be repeated: every row that is marked hands its key on and
//! says what a key hears that came with another content.

use chassis::ErrorCode;
use edge::table::{Operation, Verb, operations};
use serde_json::{Value, json};

use crate::{
    fakes::refusal,
    harness::{AGENT, Answer, Edge, request},
    replay::changes,
    table::documented,
};

/// The rows that are marked.
fn repeatable() -> impl Iterator<Item = &'static Operation> {
    operations().filter(|row| row.repeatable)
}

/// The request that the documents show, or ours for what they lack.
fn example(id: &str) -> Value {
    let text = include_str!("../../contract/additions.json");
    let mut additions: Value = serde_json::from_str(text).unwrap();
    let additions = additions["operations"].take();
    let additions = additions.as_array().unwrap().clone();
    let all: Vec<Value> = documented().into_iter().chain(additions).collect();
    let written = all.iter().find(|operation| operation["id"] == id);
    let mut body = written.unwrap()["request_example"].clone();
    for (field, value) in changes(id, 0).as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn send(edge: &Edge, row: &Operation, key: &str) -> Answer {
    let asked = request(row.verb.name(), row.path)
        .client()
        .bearer(AGENT)
        .header("idempotency-key", key)
        .json(&example(&row.id()));
    edge.send(asked.build()).await
}

#[test]
fn what_creates_or_sends_is_marked() {
    let marked: Vec<String> = repeatable().map(Operation::id).collect();
    let stores: Vec<String> = operations()
        .filter(|row| row.verb == Verb::Post)
        .map(Operation::id)
        .filter(|id| id.ends_with("/store") || id.contains("/send") || id.contains("/broadcast/"))
        .collect();
    assert!(stores.len() >= 19, "{stores:?}");
    for id in stores {
        assert!(marked.contains(&id), "{id} may not be repeated");
    }
}

#[tokio::test]
async fn every_marked_operation_hands_the_key_to_its_service() {
    let edge = Edge::new();
    for (nth, row) in repeatable().enumerate() {
        let key = format!("key-of-{nth}-");
        let answer = send(&edge, row, &key).await;
        let calls = edge.world.calls.lock().unwrap();
        let operation = row.path.trim_start_matches("/api/");
        let handed = format!("idempotency_key: \"{operation} {key}\"");
        assert!(
            calls.iter().any(|(_, _, words)| words.contains(&handed)),
            "{} keeps the key to itself: {}",
            row.id(),
            answer.text
        );
    }
}

#[tokio::test]
async fn a_key_that_came_with_another_content_is_a_conflict_everywhere() {
    let edge = Edge::new();
    edge.world
        .fail(refusal(ErrorCode::AlreadyExists, "IDEMPOTENCY_KEY_REUSED"));
    for row in repeatable() {
        let answer = send(&edge, row, "used").await;
        assert_eq!(answer.status.as_u16(), 409, "{}: {}", row.id(), answer.text);
        assert_eq!(
            answer.json()["message"],
            "La clave de idempotencia ya se uso con otro contenido.",
            "{}",
            row.id()
        );
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_anybody_is_asked() {
    let edge = Edge::new();
    let long = "k".repeat(181);
    for row in repeatable() {
        let answer = send(&edge, row, &long).await;
        assert_eq!(answer.status.as_u16(), 422, "{}: {}", row.id(), answer.text);
        let handed = |words: &str| words.contains(&long);
        let calls = edge.world.calls.lock().unwrap();
        assert!(
            !calls.iter().any(|(_, _, words)| handed(words)),
            "{}",
            row.id()
        );
    }
}

#[tokio::test]
async fn the_description_tells_of_the_key() {
    let answer = Edge::new()
        .send(request("GET", "/openapi.json").build())
        .await;
    let document = answer.json();
    for row in operations() {
        let path = row.path.replace("{id?}", "{id}");
        let method = &document["paths"][&path][row.verb.name().to_lowercase()];
        let parameters = method["parameters"].as_array();
        let told = parameters.into_iter().flatten().any(|parameter| {
            parameter["name"] == "Idempotency-Key"
                && parameter["in"] == "header"
                && parameter["required"] == json!(false)
        });
        assert_eq!(told, row.repeatable, "{}", row.id());
        let conflict = &method["responses"]["409"]["content"]["application/json"];
        let shown = conflict["examples"]["claveReutilizada"].is_object();
        assert_eq!(shown, row.repeatable, "{}", row.id());
    }
}
