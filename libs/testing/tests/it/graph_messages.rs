//! What Graph takes and refuses of `POST /{phone_number_id}/messages`.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testing::{FakeGraph, graph::ReadMark};

use crate::client::{DEADLINE, answer, http};

const NUMBER: &str = "106540352242922";
const TOKEN: &str = "EAAtoken";

async fn graph() -> FakeGraph {
    let graph = FakeGraph::start().await;
    graph.register_number(NUMBER, TOKEN);
    graph
}

fn post(graph: &FakeGraph, body: &Value) -> RequestBuilder {
    let url = format!("{}/v23.0/{NUMBER}/messages", graph.base_url());
    http().post(url).bearer_auth(TOKEN).json(body)
}

fn message(kind: &str, content: Value) -> Value {
    let mut body = json!({"messaging_product": "whatsapp", "to": "50688887777", "type": kind});
    body[kind] = content;
    body
}

fn text(text: &str) -> Value {
    message("text", json!({"body": text}))
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

fn without(mut body: Value, key: &str) -> Value {
    body.as_object_mut().unwrap().remove(key);
    body
}

fn buttons(titles: &[&str]) -> Value {
    let buttons: Vec<Value> = titles
        .iter()
        .map(|title| json!({"type": "reply", "reply": {"id": title, "title": title}}))
        .collect();
    message(
        "interactive",
        json!({"type": "button", "body": {"text": "¿Cuál?"}, "action": {"buttons": buttons}}),
    )
}

fn list(rows: usize) -> Value {
    let rows: Vec<Value> =
        (0..rows).map(|row| json!({"id": row.to_string(), "title": "fila"})).collect();
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
    assert_eq!(answered["contacts"], json!([{"input": "50688887777", "wa_id": "50688887777"}]));
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
        without(with(text("bsuid"), "recipient", json!("CR.13491208655302741918")), "to"),
        without(with(text("parent"), "recipient", json!("CR.ENT.11815799212886")), "to"),
        message("image", json!({"id": uploaded, "caption": "pie"})),
        message("video", json!({"link": link, "caption": "pie"})),
        message("document", json!({"link": link, "filename": "a.pdf", "caption": "pie"})),
        message("audio", json!({"link": link})),
        message("audio", json!({"link": link, "voice": true})),
        message("sticker", json!({"link": link})),
        message("location", json!({"latitude": 9.93, "longitude": -84.08, "name": "San José"})),
        message("contacts", json!([{"name": {"formatted_name": "Soporte"}}])),
        message("reaction", json!({"message_id": "wamid.A", "emoji": "👍"})),
        message("reaction", json!({"message_id": "wamid.A", "emoji": ""})),
        message("template", json!({"name": "hola", "language": {"code": "es"}})),
        buttons(&["sí", "no", "quizás"]),
        list(10),
    ];

    for (index, body) in bodies.iter().enumerate() {
        let (status, answered) = answer(post(&graph, body)).await;
        assert_eq!(status, 200, "{body} got {answered}");
        assert_eq!(graph.sent().len(), index + 1);
    }
}

/// Bodies that Graph refuses, with the code and a part of what it says.
fn refused_bodies() -> Vec<(Value, u32, &'static str)> {
    let both = with(text("x"), "recipient", json!("CR.1"));
    let bsuid = |id: &str| without(with(text("x"), "recipient", json!(id)), "to");
    let link = "https://example.com/a";
    vec![
        (json!({}), 100, "messaging_product is required"),
        (without(text("x"), "messaging_product"), 100, "messaging_product is required"),
        (with(text("x"), "messaging_product", json!("sms")), 100, "must be one of {WHATSAPP}"),
        (without(text("x"), "to"), 100, "parameter to is required"),
        (with(text("x"), "to", json!("")), 100, "parameter to is required"),
        (with(text("x"), "to", json!(50_688_887_777_u64)), 100, "Param to must be a string"),
        (with(text("x"), "to", json!("agente")), 131_009, "is not a phone number"),
        (with(text("x"), "to", json!("1234")), 131_009, "is not a phone number"),
        (both, 100, "not both"),
        (bsuid("50688887777"), 131_009, "business-scoped"),
        (bsuid("cr.1"), 131_009, "business-scoped"),
        (bsuid(&format!("CR.{}", "1".repeat(129))), 131_009, "business-scoped"),
        (with(text("x"), "recipient_type", json!("todos")), 100, "recipient_type"),
        (with(text("x"), "type", json!("sonido")), 100, "must be one of {AUDIO, CONTACTS"),
        (with(text("x"), "context", json!({})), 100, "context['message_id'] is required"),
        (
            with(text("x"), "biz_opaque_callback_data", json!("x".repeat(513))),
            100,
            "at most 512 characters",
        ),
        (without(text("x"), "text"), 100, "text['body'] is required"),
        (text(""), 100, "text['body'] is required"),
        (text(&"x".repeat(4097)), 100, "text['body'] must be at most 4096 characters long"),
        (message("text", json!({"body": 1})), 100, "text['body'] must be a string"),
        (message("text", json!("x")), 100, "Param text must be a JSON object"),
        (message("text", json!({"body": "x", "link": "x"})), 100, "Unexpected key \"link\""),
        (with(text("x"), "type", json!("image")), 100, "parameter image is required"),
        (message("image", json!({})), 100, "image['id'] is required"),
        (message("image", json!({"id": "404"})), 100, "valid WhatsApp business account media"),
        (message("image", json!({"id": "1", "link": link})), 100, "either image['id']"),
        (message("image", json!({"link": "foto.jpg"})), 100, "not a valid URI"),
        (
            message("image", json!({"link": link, "caption": "x".repeat(1025)})),
            100,
            "image['caption'] must be at most 1024",
        ),
        (
            message("image", json!({"link": link, "filename": "a"})),
            100,
            "Unexpected key \"filename\"",
        ),
        (
            message("audio", json!({"link": link, "caption": "x"})),
            100,
            "Unexpected key \"caption\" on param \"audio\"",
        ),
        (
            message("sticker", json!({"link": link, "caption": "x"})),
            100,
            "Unexpected key \"caption\" on param \"sticker\"",
        ),
        (message("location", json!({"latitude": 1})), 100, "location['longitude'] is required"),
        (
            message("location", json!({"latitude": 91, "longitude": 0})),
            100,
            "location['latitude'] must be a coordinate",
        ),
        (message("contacts", json!([])), 100, "contacts must be an array of 1"),
        (message("contacts", json!([{"name": {}}])), 100, "contacts[0]['name']['formatted_name']"),
        (message("reaction", json!({"message_id": "wamid.A"})), 100, "reaction['emoji']"),
        (message("template", json!({"name": "hola"})), 100, "template['language'] is required"),
        (
            message("template", json!({"name": "h", "language": {"code": "es"}, "components": {}})),
            100,
            "must be an array",
        ),
        (buttons(&[]), 100, "must be an array of 1 to 3"),
        (buttons(&["1", "2", "3", "4"]), 100, "must be an array of 1 to 3"),
        (buttons(&["1", "1"]), 131_009, "used twice"),
        (buttons(&[&"x".repeat(21)]), 100, "['title'] must be at most 20"),
        (list(11), 100, "must be an array of 1 to 10"),
        (message("interactive", json!({"type": "botón", "action": {}})), 100, "got \"botón\""),
    ]
}

#[tokio::test]
async fn a_body_that_breaks_a_rule_is_refused_and_not_sent() {
    let graph = graph().await;

    for (body, code, complaint) in refused_bodies() {
        let (status, answered) = answer(post(&graph, &body)).await;
        let error = &answered["error"];
        assert_eq!(status, 400, "{body} got {answered}");
        assert_eq!(error["code"], code, "{body} got {answered}");
        assert_eq!(error["type"], "OAuthException");
        assert!(error["message"].as_str().unwrap().starts_with(&format!("(#{code}) ")));
        assert!(!error["fbtrace_id"].as_str().unwrap().is_empty());
        assert!(error.to_string().replace('\\', "").contains(complaint), "{body} got {answered}");
        let last = graph.refused().pop().unwrap();
        assert_eq!((last.code, last.status, last.body), (code, 400, body));
    }
    assert_eq!(graph.sent(), []);
}

#[tokio::test]
async fn details_stand_where_graph_puts_them() {
    let graph = graph().await;

    let (_, answered) = answer(post(&graph, &with(text("x"), "to", json!("agente")))).await;

    let data = &answered["error"]["error_data"];
    assert_eq!(data["messaging_product"], "whatsapp");
    assert_eq!(data["details"], "'agente' is not a phone number");
}

#[tokio::test]
async fn only_the_token_of_the_number_opens_it() {
    let graph = graph().await;
    graph.register_number("555", "EAAother");
    let url = format!("{}/v23.0/{NUMBER}/messages", graph.base_url());
    let bare = || http().post(&url).json(&text("x"));

    for request in [bare(), bare().bearer_auth("wrong"), bare().bearer_auth("EAAother")] {
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
    let post = |path: &str| http().post(format!("{base}{path}")).bearer_auth(TOKEN).json(&text("x"));

    let (status, answered) = answer(post("/v23.0/999/messages")).await;
    assert_eq!(status, 400);
    assert_eq!((&answered["error"]["code"], &answered["error"]["error_subcode"]), (&json!(100), &json!(33)));
    assert_eq!(answered["error"]["type"], "GraphMethodException");

    for path in [format!("/latest/{NUMBER}/messages"), format!("/v23.0/{NUMBER}/mesages")] {
        let (status, answered) = answer(post(&path)).await;
        assert_eq!((status, &answered["error"]["code"]), (400, &json!(2500)), "{path}");
    }

    let (status, answered) = answer(http().get(format!("{base}/v23.0/{NUMBER}/messages"))).await;
    assert_eq!((status, &answered["error"]["error_subcode"]), (400, &json!(33)));
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_has_no_parameters() {
    let graph = graph().await;
    let url = format!("{}/v23.0/{NUMBER}/messages", graph.base_url());

    let request = http().post(url).bearer_auth(TOKEN).body(text("x").to_string());

    let (status, answered) = answer(request).await;
    assert_eq!((status, &answered["error"]["code"]), (400, &json!(100)), "{answered}");
}

#[tokio::test]
async fn marking_as_read_succeeds_and_sends_nothing() {
    let graph = graph().await;
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"});
    let typing = with(read.clone(), "typing_indicator", json!({"type": "text"}));

    for body in [&read, &typing] {
        assert_eq!(answer(post(&graph, body)).await, (200, json!({"success": true})));
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
        assert_eq!((status, &answered["error"]["code"]), (400, &json!(code)), "{body}");
    }
    assert_eq!(graph.read().len(), 2);
}

#[tokio::test]
async fn waiting_for_more_than_is_sent_says_how_many_there_were() {
    let graph = graph().await;
    answer(post(&graph, &text("x"))).await;
    answer(post(&graph, &text(""))).await;

    let error = graph.wait_for_sent(2, std::time::Duration::from_millis(50)).await.unwrap_err();

    let error = error.to_string();
    assert!(error.contains("1 of 2 messages"), "{error}");
    assert!(error.contains("text['body'] is required"), "{error}");
}

#[tokio::test]
async fn a_number_answers_about_itself() {
    let graph = graph().await;
    let get = |path: &str| {
        http().get(format!("{}/v23.0/{path}", graph.base_url())).bearer_auth(TOKEN)
    };

    let (status, answered) = answer(get(NUMBER)).await;
    assert_eq!(status, 200);
    assert_eq!(answered["id"], NUMBER);
    assert_eq!(answered["quality_rating"], "GREEN");

    let (_, answered) = answer(get(&format!("{NUMBER}?fields=id,verified_name"))).await;
    assert_eq!(answered, json!({"verified_name": "Empresa de prueba", "id": NUMBER}));

    let (status, answered) = answer(get(&format!("{NUMBER}?fields=nombre"))).await;
    assert_eq!((status, &answered["error"]["code"]), (400, &json!(100)), "{answered}");

    let (status, answered) = answer(get("999")).await;
    assert_eq!((status, &answered["error"]["error_subcode"]), (400, &json!(33)), "{answered}");

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
