//! Messages that Graph takes, and who may send them.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testing::{FakeGraph, graph::ReadMark};

use crate::client::{DEADLINE, answer, http};

pub const NUMBER: &str = "106540352242922";
pub const TOKEN: &str = "EAAtoken";

pub async fn graph() -> FakeGraph {
    let graph = FakeGraph::start().await;
    graph.register_number(NUMBER, TOKEN);
    graph
}

pub fn post(graph: &FakeGraph, body: &Value) -> RequestBuilder {
    let url = format!("{}/v23.0/{NUMBER}/messages", graph.base_url());
    http().post(url).bearer_auth(TOKEN).json(body)
}

pub fn message(kind: &str, content: Value) -> Value {
    let mut body = json!({"messaging_product": "whatsapp", "to": "50688887777", "type": kind});
    body[kind] = content;
    body
}

pub fn text(text: &str) -> Value {
    message("text", json!({"body": text}))
}

pub fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

pub fn without(mut body: Value, key: &str) -> Value {
    body.as_object_mut().unwrap().remove(key);
    body
}

pub fn buttons(titles: &[&str]) -> Value {
    let buttons: Vec<Value> = titles
        .iter()
        .map(|title| json!({"type": "reply", "reply": {"id": title, "title": title}}))
        .collect();
    message(
        "interactive",
        json!({"type": "button", "body": {"text": "¿Cuál?"}, "action": {"buttons": buttons}}),
    )
}

pub fn list(rows: usize) -> Value {
    let rows: Vec<Value> = (0..rows)
        .map(|row| json!({"id": row.to_string(), "title": "fila"}))
        .collect();
    message(
        "interactive",
        json!({
            "type": "list",
            "body": {"text": "Elija"},
            "action": {"button": "Ver", "sections": [{"rows": rows}]},
        }),
    )
}

#[tokio::test]
async fn a_message_is_taken_and_recorded() {
    let graph = graph().await;
    let body = with(text("hola"), "biz_opaque_callback_data", json!("out-1"));

    let (status, answered) = answer(post(&graph, &body)).await;

    assert_eq!(status, 200, "{answered}");
    assert_eq!(answered["messaging_product"], "whatsapp");
    assert_eq!(
        answered["contacts"],
        json!([{"input": "50688887777", "wa_id": "50688887777"}])
    );
    assert_eq!(answered["messages"][0]["message_status"], "accepted");
    let wamid = answered["messages"][0]["id"].as_str().unwrap();
    assert!(wamid.starts_with("wamid."), "{wamid}");
    let sent = graph.wait_for_sent(1, DEADLINE).await.unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].phone_number_id, NUMBER);
    assert_eq!(sent[0].to, "50688887777");
    assert_eq!(sent[0].wamid, wamid);
    assert_eq!(sent[0].opaque.as_deref(), Some("out-1"));
    assert_eq!(sent[0].body, body);
}

#[tokio::test]
async fn every_documented_kind_is_taken() {
    let graph = graph().await;
    let uploaded = graph.store_media(NUMBER, "image/jpeg", "content").id;
    let link = "https://example.com/a";
    let bodies = [
        text("a"),
        text(&"ñ".repeat(4096)),
        without(text("type may be left out"), "type"),
        with(text("reply"), "context", json!({"message_id": "wamid.A"})),
        with(text("plus"), "to", json!("+506 8888-7777")),
        with(text("individual"), "recipient_type", json!("individual")),
        without(
            with(text("bsuid"), "recipient", json!("CR.13491208655302741918")),
            "to",
        ),
        without(
            with(text("parent"), "recipient", json!("CR.ENT.11815799212886")),
            "to",
        ),
        message("image", json!({"id": uploaded, "caption": "pie"})),
        message("video", json!({"link": link, "caption": "pie"})),
        message(
            "document",
            json!({"link": link, "filename": "a.pdf", "caption": "pie"}),
        ),
        message("audio", json!({"link": link})),
        message("audio", json!({"link": link, "voice": true})),
        message("sticker", json!({"link": link})),
        message(
            "location",
            json!({"latitude": 9.93, "longitude": -84.08, "name": "San José"}),
        ),
        message("contacts", json!([{"name": {"formatted_name": "Soporte"}}])),
        message("reaction", json!({"message_id": "wamid.A", "emoji": "👍"})),
        message("reaction", json!({"message_id": "wamid.A", "emoji": ""})),
        message(
            "template",
            json!({"name": "hola", "language": {"code": "es"}}),
        ),
        buttons(&["sí", "no", "quizás"]),
        list(10),
    ];

    for (index, body) in bodies.iter().enumerate() {
        let (status, answered) = answer(post(&graph, body)).await;
        assert_eq!(status, 200, "{body} got {answered}");
        assert_eq!(graph.sent().len(), index + 1);
    }
}

#[tokio::test]
async fn only_the_token_of_the_number_opens_it() {
    let graph = graph().await;
    graph.register_number("555", "EAAother");
    let url = format!("{}/v23.0/{NUMBER}/messages", graph.base_url());
    let bare = || http().post(&url).json(&text("x"));

    for request in [
        bare(),
        bare().bearer_auth("wrong"),
        bare().bearer_auth("EAAother"),
    ] {
        let (status, answered) = answer(request).await;
        assert_eq!(status, 401);
        assert_eq!(answered["error"]["code"], 190, "{answered}");
        assert_eq!(answered["error"]["type"], "OAuthException");
    }

    graph.register_number(NUMBER, "EAAnew");
    assert_eq!(answer(bare().bearer_auth(TOKEN)).await.0, 401);
    assert_eq!(answer(bare().bearer_auth("EAAnew")).await.0, 200);
    assert_eq!(graph.sent().len(), 1);
}

#[tokio::test]
async fn unknown_numbers_versions_and_paths_are_told_apart() {
    let graph = graph().await;
    let base = graph.base_url();
    let post = |path: &str| {
        http()
            .post(format!("{base}{path}"))
            .bearer_auth(TOKEN)
            .json(&text("x"))
    };

    let (status, answered) = answer(post("/v23.0/999/messages")).await;
    assert_eq!(status, 400);
    assert_eq!(
        (
            &answered["error"]["code"],
            &answered["error"]["error_subcode"]
        ),
        (&json!(100), &json!(33))
    );
    assert_eq!(answered["error"]["type"], "GraphMethodException");

    for path in [
        format!("/latest/{NUMBER}/messages"),
        format!("/v23.0/{NUMBER}/mesages"),
    ] {
        let (status, answered) = answer(post(&path)).await;
        assert_eq!(
            (status, &answered["error"]["code"]),
            (400, &json!(2500)),
            "{path}"
        );
    }

    let (status, answered) = answer(http().get(format!("{base}/v23.0/{NUMBER}/messages"))).await;
    assert_eq!(
        (status, &answered["error"]["error_subcode"]),
        (400, &json!(33))
    );
}

#[tokio::test]
async fn marking_as_read_succeeds_and_sends_nothing() {
    let graph = graph().await;
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"});
    let typing = with(read.clone(), "typing_indicator", json!({"type": "text"}));

    for body in [&read, &typing] {
        assert_eq!(
            answer(post(&graph, body)).await,
            (200, json!({"success": true}))
        );
    }

    let mark = |typing| ReadMark {
        phone_number_id: NUMBER.to_owned(),
        message_id: "wamid.A".to_owned(),
        typing,
    };
    assert_eq!(graph.read(), [mark(false), mark(true)]);
    assert_eq!(graph.sent(), []);

    for (body, code) in [
        (with(read.clone(), "status", json!("delivered")), 100),
        (without(read.clone(), "message_id"), 100),
        (with(read.clone(), "message_id", json!("42")), 131_009),
        (with(read.clone(), "typing_indicator", json!({})), 100),
    ] {
        let (status, answered) = answer(post(&graph, &body)).await;
        assert_eq!(
            (status, &answered["error"]["code"]),
            (400, &json!(code)),
            "{body}"
        );
    }
    assert_eq!(graph.read().len(), 2);
}

#[tokio::test]
async fn waiting_for_more_than_is_sent_says_how_many_there_were() {
    let graph = graph().await;
    answer(post(&graph, &text("x"))).await;
    answer(post(&graph, &text(""))).await;

    let error = graph
        .wait_for_sent(2, std::time::Duration::from_millis(50))
        .await
        .unwrap_err();

    let error = error.to_string();
    assert!(error.contains("1 of 2 messages"), "{error}");
    assert!(error.contains("text['body'] is required"), "{error}");
}

#[tokio::test]
async fn a_number_answers_about_itself() {
    let graph = graph().await;
    let get = |path: &str| {
        http()
            .get(format!("{}/v23.0/{path}", graph.base_url()))
            .bearer_auth(TOKEN)
    };

    let (status, answered) = answer(get(NUMBER)).await;
    assert_eq!(status, 200);
    assert_eq!(answered["id"], NUMBER);
    assert_eq!(answered["quality_rating"], "GREEN");

    let (_, answered) = answer(get(&format!("{NUMBER}?fields=id,verified_name"))).await;
    assert_eq!(
        answered,
        json!({"verified_name": "Empresa de prueba", "id": NUMBER})
    );

    let (status, answered) = answer(get(&format!("{NUMBER}?fields=nombre"))).await;
    assert_eq!(
        (status, &answered["error"]["code"]),
        (400, &json!(100)),
        "{answered}"
    );

    let (status, answered) = answer(get("999")).await;
    assert_eq!(
        (status, &answered["error"]["error_subcode"]),
        (400, &json!(33)),
        "{answered}"
    );

    let bare = http().get(format!("{}/v23.0/{NUMBER}", graph.base_url()));
    assert_eq!(answer(bare).await.0, 401);
}

#[tokio::test]
async fn what_was_sent_can_be_fetched() {
    let graph = graph().await;
    answer(post(&graph, &text("hola"))).await;

    let (status, answered) = answer(http().get(format!("{}/_sent", graph.base_url()))).await;

    assert_eq!(status, 200);
    assert_eq!(answered[0]["body"]["text"]["body"], "hola");
    assert_eq!(answered[0]["phone_number_id"], NUMBER);
    assert_eq!(answered[0]["wamid"], graph.sent()[0].wamid.as_str());
}
