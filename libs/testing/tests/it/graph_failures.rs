//! Failures that a test asks Graph for.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testing::{FakeGraph, graph::GraphFailure};

use crate::client::{DEADLINE, answer, http};

const NUMBER: &str = "1";
const TOKEN: &str = "t";

async fn graph() -> FakeGraph {
    let graph = FakeGraph::start().await;
    graph.register_number(NUMBER, TOKEN);
    graph
}

fn send(graph: &FakeGraph, text: &str) -> RequestBuilder {
    let body = json!({
        "messaging_product": "whatsapp",
        "to": "50688887777",
        "type": "text",
        "text": {"body": text},
    });
    http()
        .post(format!("{}/v23.0/{NUMBER}/messages", graph.base_url()))
        .bearer_auth(TOKEN)
        .json(&body)
}

#[tokio::test]
async fn failures_come_in_order_and_once_each() {
    let graph = graph().await;
    let expected = [
        (GraphFailure::Throttled, 429, json!(130_429)),
        (GraphFailure::PairThrottled, 400, json!(131_056)),
        (GraphFailure::Auth, 401, json!(190)),
        (GraphFailure::Transient, 500, json!(131_000)),
        (GraphFailure::Permanent(131_047), 400, json!(131_047)),
        (GraphFailure::NotJson, 502, Value::Null),
    ];
    for (failure, ..) in &expected {
        graph.fail_next(failure.clone());
    }

    for (failure, status, code) in &expected {
        let (answered_status, answered) = answer(send(&graph, "x")).await;
        assert_eq!(answered_status, *status, "{failure:?}");
        assert_eq!(answered["error"]["code"], *code, "{failure:?}");
    }

    assert_eq!(graph.sent(), []);
    assert_eq!(answer(send(&graph, "x")).await.0, 200);
    assert_eq!(graph.sent().len(), 1);
    assert_eq!(graph.refused(), []);
}

#[tokio::test]
async fn an_expired_token_has_its_subcode() {
    let graph = graph().await;
    graph.fail_next(GraphFailure::Auth);

    let (_, answered) = answer(send(&graph, "x")).await;

    assert_eq!(answered["error"]["error_subcode"], 463);
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_uses_up_no_failure() {
    let graph = graph().await;
    graph.fail_next(GraphFailure::Transient);

    assert_eq!(answer(send(&graph, "")).await.0, 400);
    assert_eq!(answer(send(&graph, "x")).await.0, 500);
}

#[tokio::test]
async fn a_closed_connection_gives_no_answer() {
    for (failure, sent) in [
        (GraphFailure::CloseWithoutAnswer, 0),
        (GraphFailure::CloseAfterAccepting, 1),
    ] {
        let graph = graph().await;
        graph.fail_next(failure.clone());

        let error = send(&graph, "x").send().await.unwrap_err();

        assert!(
            error.is_request() && !error.is_connect() && !error.is_timeout(),
            "{error:?}"
        );
        assert_eq!(graph.sent().len(), sent, "{failure:?}");
        assert_eq!(answer(send(&graph, "x")).await.0, 200);
    }
}

#[tokio::test]
async fn a_hanging_request_waits_until_its_client_gives_up() {
    let graph = graph().await;
    graph.fail_next(GraphFailure::Hang);

    let impatient = send(&graph, "x").timeout(Duration::from_millis(200));
    let error = impatient.send().await.unwrap_err();

    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(graph.sent(), []);
}

#[tokio::test]
async fn a_request_that_hangs_after_its_message_ends_with_the_double() {
    let graph = graph().await;
    graph.fail_next(GraphFailure::HangAfterAccepting);
    let held = tokio::spawn(send(&graph, "x").send());
    graph.wait_for_sent(1, DEADLINE).await.unwrap();
    let again = send(&graph, "x");

    drop(graph);

    assert!(!held.await.unwrap().unwrap_err().is_timeout());
    assert!(again.send().await.unwrap_err().is_connect());
}
