//! How requests are read.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{AGENT, Asked, Edge, request};

const SEND: &str = "/api/chat/sendChatMessage";

fn ready(method: &str, path: &str) -> Asked {
    request(method, path).client().bearer(AGENT)
}

#[tokio::test]
async fn forms_and_multipart_are_read_like_json() {
    let edge = Edge::new();
    let form = "id_chat=chat-123&message=Hola+%C2%BFqu%C3%A9+tal%3F&id_bitacora_log=736014";
    let multipart = "--X\r\ncontent-disposition: form-data; name=\"id_chat\"\r\n\r\nchat-123\r\n\
                     --X\r\ncontent-disposition: form-data; name=\"message\"\r\n\r\nHola ¿qué tal?\r\n\
                     --X\r\ncontent-disposition: form-data; name=\"id_bitacora_log\"\r\n\r\n736014\r\n--X--\r\n";
    for (kind, body) in [
        ("application/x-www-form-urlencoded", form),
        ("multipart/form-data; boundary=X", multipart),
        (
            "application/json; charset=utf-8",
            r#"{"id_chat":"chat-123","message":" Hola ¿qué tal? ","id_bitacora_log":"736014"}"#,
        ),
    ] {
        let answer = edge
            .send(ready("POST", SEND).body(kind, body).build())
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}: {}", answer.text);
        assert_eq!(answer.json()["data"]["message"], "Hola ¿qué tal?");
        assert_eq!(answer.json()["id_bitacora_log"], 736_014);
    }
}

#[tokio::test]
async fn a_file_may_come_as_a_part() {
    let edge = Edge::new();
    let part = |name: &str, value: &str| {
        format!("--X\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = [
        part("whatsapp_channel", "12"),
        part("to", "50688888888"),
        part("message", "Hola"),
        part("file\"; filename=\"a.png", "PNG"),
        "--X--\r\n".to_owned(),
    ]
    .concat();
    let asked =
        ready("POST", "/api/meta/sendMessagesWAP").body("multipart/form-data; boundary=X", body);
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(edge.world.last("SendWhatsApp").1.contains(r#"b"PNG""#));
}

#[tokio::test]
async fn filters_of_a_form_reach_the_service() {
    let edge = Edge::new();
    let asked = ready("POST", "/api/chat/list").body(
        "application/x-www-form-urlencoded",
        "paginate=S&page=2&quantity_x_page=5&filters[name]=Ana",
    );
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let (_, words) = edge.world.last("ListChats");
    assert!(words.contains("page: 2, per_page: 5") && words.contains(r#"name: "Ana""#));
}

#[tokio::test]
async fn broken_bodies_are_named() {
    let edge = Edge::new();
    let deep = [
        "[".repeat(60_000),
        format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40)),
    ];
    for (kind, body) in [
        ("application/json", r#"{"id_chat":"#),
        ("application/json", "[1]"),
        ("application/json", "\"text\""),
        ("application/json", "\u{0}"),
        ("application/json", r#"{"message":"\ud800"}"#),
        ("application/json", &deep[0]),
        ("application/json", &deep[1]),
        ("multipart/form-data; boundary=X", "no parts"),
        ("multipart/form-data", "no boundary"),
    ] {
        let answer = edge
            .send(ready("POST", SEND).body(kind, body.to_owned()).build())
            .await;
        assert_eq!(answer.status.as_u16(), 422, "{kind} {body:?}");
        let errors = &answer.json()["data"]["errors"];
        assert_eq!(
            errors.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["body"]
        );
    }
    let answer = edge
        .send(ready("POST", SEND).body("text/xml", "<a/>").build())
        .await;
    assert_eq!(
        answer.text,
        r#"{"error":"Unsupported Media Type","code":415}"#
    );
}

#[tokio::test]
async fn an_empty_body_is_an_empty_object() {
    let edge = Edge::new();
    let answer = edge
        .send(ready("POST", SEND).body("application/json", "").build())
        .await;
    assert_eq!(
        answer.json()["data"]["errors"].to_string(),
        json!({
            "id_chat": ["El campo id_chat es obligatorio."],
            "message": ["El campo message es obligatorio."],
        })
        .to_string()
    );
}

#[tokio::test]
async fn literal_quotes_are_not_taken_off() {
    let edge = Edge::new();
    let answer = edge
        .json("POST", "/api/chat/list", &json!({"paginate": "\"N\""}))
        .await;
    assert_eq!(answer.status.as_u16(), 422);
    assert_eq!(
        answer.json()["data"]["errors"]["paginate"],
        json!(["El campo paginate debe ser \"S\" o \"N\"."])
    );
}

#[tokio::test]
async fn bounds_of_pages_are_kept() {
    let edge = Edge::new();
    for wrong in [
        json!({"page": 0}),
        json!({"page": -1}),
        json!({"page": "dos"}),
        json!({"page": 1.5}),
        json!({"quantity_x_page": 0}),
        json!({"quantity_x_page": 101}),
        json!({"quantity_x_page": "99999999999999999999"}),
        json!({"filters": "name"}),
        json!({"filters": {"name": {"like": "a"}}}),
        json!({"filters": {"name": "a\u{0}"}}),
    ] {
        let mut body = wrong.clone();
        body["paginate"] = json!("S");
        let answer = edge.json("POST", "/api/chat/list", &body).await;
        assert_eq!(answer.status.as_u16(), 422, "{wrong}: {}", answer.text);
    }
    for right in [
        json!({"filters": null}),
        json!({"filters": []}),
        json!({"filters": {}}),
        json!({"page": "2", "quantity_x_page": "100"}),
        json!({"page": "", "filters": {"name": " "}}),
    ] {
        let mut body = right.clone();
        body["paginate"] = json!("S");
        let answer = edge.json("POST", "/api/chat/list", &body).await;
        assert_eq!(answer.status.as_u16(), 200, "{right}: {}", answer.text);
    }
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let edge = Edge::new();
    let long = |bytes: usize| json!({"id_chat": "chat-123", "message": "x".repeat(bytes)});
    let answer = edge.json("POST", SEND, &long(63 * 1024)).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
    let answer = edge.json("POST", SEND, &long(65 * 1024)).await;
    assert_eq!(answer.text, r#"{"error":"Payload Too Large","code":413}"#);
    assert_eq!(answer.status.as_u16(), 413);
    // One that does not say how long it is, is no longer for that.
    let pieces = std::iter::repeat_n("x".repeat(1024), 80).map(Ok::<_, std::io::Error>);
    let endless = Body::from_stream(futures_util::stream::iter(pieces));
    let asked = ready("POST", SEND).body("application/json", endless);
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status.as_u16(), 413);
    assert!(!answer.header("x-bitacora-id").is_empty());
    // Credentials come first.
    let asked = request("POST", SEND).json(&long(65 * 1024));
    assert_eq!(edge.send(asked.build()).await.status.as_u16(), 401);
}

#[tokio::test]
async fn base64_that_is_none_is_a_wrong_file() {
    let edge = Edge::new();
    let mut body = json!({"whatsapp_channel": 12, "to": 50_688_888_888_i64, "message": "Hola"});
    let answer = edge.json("POST", "/api/meta/sendMessagesWAP", &body).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    body["file"] = json!("data:image/png;base64,***");
    let answer = edge.json("POST", "/api/meta/sendMessagesWAP", &body).await;
    assert_eq!(
        answer.json()["data"]["errors"],
        json!({"file": ["El campo file debe ser un archivo en base64."]})
    );
}

#[tokio::test]
async fn ids_that_nobody_wrote_are_unknown_chats() {
    let edge = Edge::new();
    for id in ["123", "chat-", "chat-0123", "chat-99999999999999999999"] {
        let body = json!({"id_chat": id, "message": "x"});
        let answer = edge.json("POST", SEND, &body).await;
        assert_eq!(
            answer.json()["data"]["errors"],
            json!({"id_chat": ["El id_chat no se encuentra registrado."]}),
            "{id}"
        );
    }
    assert_eq!(edge.world.count("SendMessage"), 0);
}

#[tokio::test]
async fn a_key_makes_repetitions_known_to_the_service() {
    let edge = Edge::new();
    let body = json!({"id_chat": "chat-123", "message": "x", "client_message_id": "in-body"});
    edge.json("POST", SEND, &body).await;
    assert!(edge.world.last("SendMessage").1.contains("in-body"));
    let asked = ready("POST", SEND).header("idempotency-key", "in-header");
    edge.send(asked.json(&body).build()).await;
    assert!(edge.world.last("SendMessage").1.contains("in-header"));
    let longest = "k".repeat(180);
    let asked = ready("POST", SEND).header("idempotency-key", &longest);
    assert_eq!(
        edge.send(asked.json(&body).build()).await.status.as_u16(),
        200
    );
    assert!(edge.world.last("SendMessage").1.contains(&longest));
    let sent = edge.world.count("SendMessage");
    // What is no text is not taken for a header that was not sent.
    for key in ["k".repeat(181), "clave-ñ".to_owned()] {
        let asked = ready("POST", SEND).header("idempotency-key", &key);
        let answer = edge.send(asked.json(&body).build()).await;
        assert_eq!(answer.status.as_u16(), 422, "{key}");
    }
    // The bound is one of bytes, in the field as in the header.
    for (key, status) in [("k".repeat(181), 422), ("ñ".repeat(91), 422)] {
        let body = json!({"id_chat": "chat-123", "message": "x", "client_message_id": key});
        let answer = edge.json("POST", SEND, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    }
    assert_eq!(edge.world.count("SendMessage"), sent);
}

#[tokio::test]
async fn lists_at_once_tell_their_length_in_a_header() {
    let edge = Edge::new();
    let answer = edge
        .json("POST", "/api/chat/list", &json!({"paginate": "N"}))
        .await;
    assert_eq!(answer.header("x-total-count"), "1");
    let answer = edge
        .json("POST", "/api/chat/list", &json!({"paginate": "S"}))
        .await;
    let keys: Vec<String> = match &answer.json()["data"] {
        Value::Object(page) => page.keys().cloned().collect(),
        other => panic!("{other}"),
    };
    assert_eq!(
        keys,
        [
            "current_page",
            "data",
            "from",
            "last_page",
            "per_page",
            "to",
            "total"
        ]
    );
}

#[tokio::test]
async fn english_routes_answer_the_first_sentence_alone() {
    let edge = Edge::new();
    let path = "/api/broadcast/sendPresenceChannel";
    for (body, sentence) in [
        (json!({}), "The message field is required."),
        (json!({"message": "x"}), "The room id field is required."),
        (
            json!({"message": "x".repeat(1001), "room_id": "a"}),
            "The message field must not be greater than 1000 characters.",
        ),
        (
            json!({"message": "x", "room_id": "a.b"}),
            "The room id field format is invalid.",
        ),
    ] {
        let answer = edge.json("POST", path, &body).await;
        assert_eq!(answer.status.as_u16(), 422);
        assert_eq!(answer.text, json!({"message": sentence}).to_string());
    }
}

#[tokio::test]
async fn a_thousand_long_messages_come_through() {
    let edge = Edge::new();
    let body = json!({"id_chat": "chat-123", "limit": 1000});
    let answer = edge.json("POST", "/api/chat/getChatMessages", &body).await;
    assert_eq!(answer.status.as_u16(), 200);
    let messages = answer.json()["data"]["messages"].as_array().unwrap().len();
    assert_eq!(messages, 1000);
}
