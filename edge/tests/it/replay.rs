//! Every documented example of every operation that is served: the request of
//! the documents, changed as little as its answer demands, and the answer to the
//! letter.

use edge::NOT_SERVED_YET;
use serde_json::{Value, json};

use crate::{
    harness::{AGENT, Answer, Edge, request},
    table::documented,
};

/// What has to change in the documented request to get the n-th documented
/// answer: fields to set, null to take one away.
fn changes(id: &str, nth: usize) -> Value {
    match (id, nth) {
        ("POST /api/auth/login", 1) => json!({"password": "wrong"}),
        ("POST /api/admin/channels/list" | "POST /api/chat/list", 1) => json!({"paginate": "N"}),
        ("POST /api/admin/channels/list", 2) => json!({"id_company": null}),
        ("POST /api/admin/channels/store", 1) => json!({"token": null}),
        ("GET /api/admin/channels/show" | "PATCH /api/admin/channels/update", 1) => {
            json!({"id_channel": 10})
        }
        ("GET /api/admin/channels/show", 2) => json!({"id_channel": null}),
        ("PATCH /api/admin/channels/update", 2) => json!({
            "name": null, "app": null, "type": null, "token": null, "secret_key": null,
            "additional_app_id": null,
        }),
        ("POST /api/broadcast/public-message", 1) => json!({"message": null}),
        ("PATCH /api/admin/channels/update-status", 0) => json!({"channel_status": 0}),
        ("PATCH /api/admin/channels/update-status", 2) => json!({"id_channel": 10}),
        ("PATCH /api/admin/channels/update-status", 3) => json!({"channel_status": 2}),
        ("POST /api/chat/getChatMessages" | "POST /api/telegram/sendTelegramMessage", 1) => {
            json!({"id_chat": null})
        }
        ("POST /api/chat/sendChatMessage", 1) => json!({"id_chat": "chat-124"}),
        ("POST /api/chat/markAsReadMessage", 1) => json!({"id_message": "msg-3"}),
        ("POST /api/guest/store", 1) => json!({"name": null}),
        ("POST /api/telegram/setWebhook", 1) => json!({"bot_token": null}),
        // The documents show another system, user or id than they ask for.
        ("POST /api/SSO/ADI/setToken", _) => {
            json!({"sistema": "Local1", "id_bitacora_log": 736_014})
        }
        ("POST /api/SSO/ADI/generateToken", _) => json!({"id_bitacora_log": 777}),
        ("POST /api/SSO/ADI/Token", _) => json!({"id_bitacora_log": 780}),
        ("POST /api/UsuarioInterno/get", _) => {
            json!({"user": "dnunez", "email": "dnunez@example.com", "id_bitacora_log": 173})
        }
        // The documented file is cut off in the middle.
        ("POST /api/meta/sendMessagesWAP", _) => json!({"file": "data:image/png;base64,iVBORw0K"}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn documented_examples_come_out_to_the_letter() {
    let edge = Edge::new();
    let mut replayed = 0;
    for operation in documented() {
        let id = operation["id"].as_str().unwrap();
        if NOT_SERVED_YET.contains(&id) {
            continue;
        }
        let responses = operation["responses"].as_array().unwrap();
        for (nth, wanted) in responses.iter().enumerate() {
            let answer = replay(&edge, &operation, id, nth).await;
            compare(id, nth, wanted, &answer);
            replayed += 1;
        }
    }
    assert!(replayed >= 55, "only {replayed} examples were replayed");
}

async fn replay(edge: &Edge, operation: &Value, id: &str, nth: usize) -> Answer {
    let mut body = operation["request_example"].clone();
    for (field, value) in changes(id, nth).as_object().unwrap() {
        match value {
            Value::Null => body.as_object_mut().unwrap().remove(field),
            value => body
                .as_object_mut()
                .unwrap()
                .insert(field.clone(), value.clone()),
        };
    }
    if (id, nth) == ("POST /api/chat/list", 1) {
        body["paginate"] = json!("\"S\"");
    }
    let phone = if nth == 0 {
        "50688888888"
    } else {
        "50600000000"
    };
    let path = operation["path"]
        .as_str()
        .unwrap()
        .replace("{idChannel}", "bot-123")
        .replace("{phone}", phone);
    let mut asked = request(operation["method"].as_str().unwrap(), &path).client();
    if (id, nth) != ("POST /api/meta/sendMessagesWAP", 1) {
        asked = asked.bearer(AGENT);
    }
    let asked = asked
        .header("x-hub-signature-256", "right")
        .header("x-telegram-bot-api-secret-token", "right")
        .json(&body);
    edge.send(asked.build()).await
}

fn compare(id: &str, nth: usize, wanted: &Value, answer: &Answer) {
    let name = format!("{id}, answer {nth}");
    assert_eq!(
        u64::from(answer.status.as_u16()),
        wanted["status"].as_u64().unwrap(),
        "{name}: {}",
        answer.text
    );
    let mut wanted = wanted["body"].clone();
    let got = answer.json();
    if (id, nth) == ("POST /api/broadcast/public-message", 0) {
        // The documents' user has another name than ours.
        wanted["data"]["payload"]["user"] = json!("Agente 1");
    }
    if id == "POST /api/meta/readMessagesWAP" {
        // Nobody sends an id along here; it is the one of the request.
        wanted["id_bitacora_log"] = answer
            .header("x-bitacora-id")
            .parse::<i64>()
            .unwrap()
            .into();
    }
    if id == "POST /api/SSO/access" || id == "GET /api/SSO/refreshUserToken" {
        // They answer the own id, whatever was sent along.
        wanted["id_bitacora_log"] = answer.header("x-bitacora-id").into();
    }
    if (id, nth) == ("POST /api/meta/sendMessagesWAP", 0) {
        // More than documented: what was queued.
        wanted["data"] = got["data"].clone();
        assert_eq!(got["data"]["id_message"], "msg-2");
    }
    assert_eq!(got.to_string(), wanted.to_string(), "{name}");
    assert_eq!(answer.header("content-type"), "application/json", "{name}");
}
