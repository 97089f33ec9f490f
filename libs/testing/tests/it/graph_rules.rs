//! Messages that break a rule of Graph.

use serde_json::{Value, json};

use crate::{
    client::{answer, http},
    graph_messages::{NUMBER, TOKEN, buttons, graph, list, message, post, text, with, without},
};

/// A body that Graph refuses, the code, and a part of what it says.
type Refused = (Value, u32, &'static str);

fn envelopes() -> Vec<Refused> {
    let text = || text("x");
    let product = "messaging_product is required";
    let sms = with(text(), "messaging_product", json!("sms"));
    let long = with(text(), "biz_opaque_callback_data", json!("x".repeat(513)));
    vec![
        (json!({}), 100, product),
        (without(text(), "messaging_product"), 100, product),
        (sms, 100, "must be one of {WHATSAPP}"),
        (
            with(text(), "recipient_type", json!("todos")),
            100,
            "recipient_type",
        ),
        (
            with(text(), "type", json!("sonido")),
            100,
            "must be one of {AUDIO, CONTACTS",
        ),
        (
            with(text(), "context", json!({})),
            100,
            "context['message_id'] is required",
        ),
        (long, 100, "at most 512 characters"),
    ]
}

fn recipients() -> Vec<Refused> {
    let to = |to: Value| with(text("x"), "to", to);
    let user = |id: &str| without(with(text("x"), "recipient", json!(id)), "to");
    let (phone, scoped) = ("is not a phone number", "business-scoped");
    vec![
        (without(text("x"), "to"), 100, "parameter to is required"),
        (with(text("x"), "recipient", json!("CR.1")), 100, "not both"),
        (to(json!("")), 100, "parameter to is required"),
        (
            to(json!(50_688_887_777_u64)),
            100,
            "Param to must be a string",
        ),
        (to(json!("agente")), 131_009, phone),
        (to(json!("1234")), 131_009, phone),
        (to(json!("1234567890123456")), 131_009, phone),
        (user("50688887777"), 131_009, scoped),
        (user("cr.1"), 131_009, scoped),
        (user("CR."), 131_009, scoped),
        (user(&format!("CR.{}", "1".repeat(129))), 131_009, scoped),
    ]
}

fn texts() -> Vec<Refused> {
    let required = "text['body'] is required";
    let long = "text['body'] must be at most 4096 characters long";
    let linked = json!({"body": "x", "link": "x"});
    vec![
        (without(text("x"), "text"), 100, required),
        (text(""), 100, required),
        (text(&"x".repeat(4097)), 100, long),
        (
            message("text", json!({"body": 1})),
            100,
            "text['body'] must be a string",
        ),
        (
            message("text", json!("x")),
            100,
            "Param text must be a JSON object",
        ),
        (message("text", linked), 100, "Unexpected key \"link\""),
    ]
}

fn files() -> Vec<Refused> {
    let unknown = "valid WhatsApp business account media attachment ID";
    let linked = |kind, key: &str, value: &str| {
        let mut file = json!({"link": "https://example.com/a"});
        file[key] = value.into();
        message(kind, file)
    };
    let long = "x".repeat(1025);
    vec![
        (
            with(text("x"), "type", json!("image")),
            100,
            "parameter image is required",
        ),
        (message("image", json!({})), 100, "image['id'] is required"),
        (message("image", json!({"id": "404"})), 100, unknown),
        (
            message("image", json!({"link": "foto.jpg"})),
            100,
            "not a valid URI",
        ),
        (linked("image", "id", "1"), 100, "either image['id']"),
        (
            linked("image", "caption", &long),
            100,
            "image['caption'] must be at most 1024",
        ),
        (
            linked("image", "filename", "a"),
            100,
            "Unexpected key \"filename\"",
        ),
        (
            linked("audio", "caption", "x"),
            100,
            "\"caption\" on param \"audio\"",
        ),
        (
            linked("sticker", "caption", "x"),
            100,
            "\"caption\" on param \"sticker\"",
        ),
    ]
}

fn other_kinds() -> Vec<Refused> {
    let nowhere = json!({"latitude": 91, "longitude": 0});
    let components = json!({"name": "h", "language": {"code": "es"}, "components": {}});
    let unnamed = json!([{"name": {}}]);
    let odd = json!({"type": "botón", "action": {}});
    vec![
        (
            message("location", json!({"latitude": 1})),
            100,
            "location['longitude']",
        ),
        (
            message("location", nowhere),
            100,
            "location['latitude'] must be a coordinate",
        ),
        (
            message("contacts", json!([])),
            100,
            "contacts must be an array of 1",
        ),
        (
            message("contacts", unnamed),
            100,
            "contacts[0]['name']['formatted_name']",
        ),
        (
            message("reaction", json!({"message_id": "wamid.A"})),
            100,
            "reaction['emoji']",
        ),
        (
            message("template", json!({"name": "h"})),
            100,
            "template['language'] is required",
        ),
        (message("template", components), 100, "must be an array"),
        (buttons(&[]), 100, "must be an array of 1 to 3"),
        (
            buttons(&["1", "2", "3", "4"]),
            100,
            "must be an array of 1 to 3",
        ),
        (buttons(&["1", "1"]), 131_009, "used twice"),
        (
            buttons(&[&"x".repeat(21)]),
            100,
            "['title'] must be at most 20",
        ),
        (list(11), 100, "must be an array of 1 to 10"),
        (message("interactive", odd), 100, "got \"botón\""),
    ]
}

#[tokio::test]
async fn a_body_that_breaks_a_rule_is_refused_and_not_sent() {
    let graph = graph().await;

    let refused = [envelopes(), recipients(), texts(), files(), other_kinds()];

    for (body, code, complaint) in refused.into_iter().flatten() {
        let (status, answered) = answer(post(&graph, &body)).await;
        let error = &answered["error"];
        assert_eq!(status, 400, "{body} got {answered}");
        assert_eq!(error["code"], code, "{body} got {answered}");
        assert_eq!(error["type"], "OAuthException");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .starts_with(&format!("(#{code}) "))
        );
        assert!(!error["fbtrace_id"].as_str().unwrap().is_empty());
        assert!(
            error.to_string().replace('\\', "").contains(complaint),
            "{body} got {answered}"
        );
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
async fn a_body_that_is_not_declared_as_json_has_no_parameters() {
    let graph = graph().await;
    let url = format!("{}/v23.0/{NUMBER}/messages", graph.base_url());

    let request = http()
        .post(url)
        .bearer_auth(TOKEN)
        .body(text("x").to_string());

    let (status, answered) = answer(request).await;
    assert_eq!(
        (status, &answered["error"]["code"]),
        (400, &json!(100)),
        "{answered}"
    );
}
