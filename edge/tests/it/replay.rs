//! Every documented example of every operation that is served: the request of
//! the documents, changed as little as its answer demands, and the answer to the
//! letter.

use chassis::ErrorCode;
use serde_json::{Value, json};
use tonic::Status;

use crate::{
    fakes::{CONTENT, PHOTO, refusal},
    harness::{AGENT, Answer, Edge, JUAN, request},
    table::documented,
};

/// What has to change in the documented request to get the n-th documented
/// answer: fields to set, null to take one away.
pub fn changes(id: &str, nth: usize) -> Value {
    match (id, nth) {
        (id, nth) if id.contains("/admin/") && !id.contains("/channels/") => {
            administration(id, nth)
        }
        ("POST /api/auth/login", 1) => json!({"password": "wrong"}),
        ("POST /api/auth/login/pin", 1) => json!({"pin": "654321"}),
        ("POST /api/auth/password/forgot", 1) => json!({"email": "nadie@empresa.com"}),
        ("POST /api/auth/password/reset", 1) => json!({"token": "abc124"}),
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
        ("GET /api/telegram/getMediaFile", 0) => json!({"filename": PHOTO}),
        ("GET /api/telegram/getMediaFile", 1) => json!({"filename": null}),
        ("POST /api/telegram/setWebhook", 1) => json!({"bot_token": null}),
        ("POST /api/users/store", 1) => json!({"email": "taken@empresa.com"}),
        ("POST /api/users/list", 1) => json!({"paginate": "X"}),
        ("PATCH /api/users/update/{id}", 2) => json!({"department": null}),
        ("PATCH /api/users/status/{id?}", 1) => json!({"status": 1}),
        ("PATCH /api/users/status/{id?}", 2) => json!({"id_user": 99}),
        // The documented picture is cut off as well.
        ("PATCH /api/users/uploadUserPic/{id}", 0) => {
            json!({"pic": "data:image/png;base64,iVBORw0K"})
        }
        ("PATCH /api/users/uploadUserPic/{id}", 1) => json!({"pic": null}),
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

/// The documents show these operations to nobody alone.
fn is_nobody(id: &str) -> bool {
    matches!(
        id,
        "POST /api/SSO/password/forgot" | "POST /api/SSO/password/reset"
    )
}

/// The same for companies, departments, FAQs and plans.
fn administration(id: &str, nth: usize) -> Value {
    let hour = json!({"lunes_apertura": "09:00", "lunes_cierre": "18:00"});
    let route = id.split_once("/api/admin/").unwrap().1;
    match (route, nth) {
        ("clients/list" | "departments/list" | "faqs/list" | "plans/list", 1) => {
            json!({"paginate": "N"})
        }
        ("clients/list" | "faqs/list" | "plans/list", 2) => json!({"paginate": "X"}),
        ("clients/store", 1) => json!({"email": "taken@empresa.com"}),
        ("clients/store", 2) => json!({"email": null}),
        ("clients/update", 1) => json!({
            "name": "Empresa Demo", "email": "demo@empresa.com", "balance": "0",
            "pay_day": "2024-12-15", "id_plan": 2, "api": 0, "messenger": 0, "telegram": 0,
        }),
        ("clients/update", 2) => json!({"id": 11}),
        ("clients/update", 3) => json!({"id": null}),
        ("clients/search", 1) => json!({"id_company": 11}),
        ("clients/search", 2) => json!({"id_company": null}),
        ("departments/list", 2) => json!({"quantity_x_page": null}),
        ("departments/store", 1) => json!({"department_name": "Ventas"}),
        ("departments/store", 2) => json!({"department_name": null}),
        // The documented times are regular expressions filled in at random.
        ("departments/update", 0) => json!({"hour": hour}),
        ("departments/update", 1) => json!({"hour": hour, "id_department": 99}),
        ("departments/update", 2) => json!({"hour": hour, "department_name": "Ventas"}),
        ("departments/update", 3) => json!({"hour": null, "department_name": null}),
        ("departments/update-status", 0) => json!({"status": 0}),
        ("departments/update-status" | "departments/search", 2) if route.ends_with("search") => {
            json!({"id_department": null})
        }
        ("departments/update-status", 2) | ("departments/search", 1) => {
            json!({"id_department": 99})
        }
        ("departments/update-status" | "faqs/update-status", 3) => json!({"status": 2}),
        ("faqs/store", 1) => json!({"departament": null}),
        ("faqs/update" | "faqs/search", 1) => json!({"id_faq": 6}),
        ("faqs/update", 2) => json!({"replay": null, "department": null}),
        ("faqs/update-status", 1) => json!({"status": 1}),
        ("plans/store", 1) => json!({"name": null}),
        ("plans/update-status", 0) => json!({"state": 0}),
        _ => json!({}),
    }
}

/// What an upstream answers instead of what it knows.
fn failure(id: &str, nth: usize) -> Option<Status> {
    match (id, nth) {
        // The documents call the FAQ of all other examples unknown here.
        ("PATCH /api/admin/faqs/update-status", 2) => {
            Some(refusal(ErrorCode::NotFound, "NO_SUCH_FAQ"))
        }
        ("PATCH /api/admin/plans/update-status", 2) => Some(Status::internal("broken")),
        _ => None,
    }
}

#[tokio::test]
async fn documented_examples_come_out_to_the_letter() {
    let edge = Edge::new();
    let mut replayed = 0;
    for operation in documented() {
        let id = operation["id"].as_str().unwrap();
        let responses = operation["responses"].as_array().unwrap();
        for (nth, wanted) in responses.iter().enumerate() {
            *edge.world.failing.lock().unwrap() = failure(id, nth);
            let answer = replay(&edge, &operation, id, nth).await;
            compare(id, nth, wanted, &answer);
            replayed += 1;
        }
    }
    assert!(replayed >= 142, "only {replayed} examples were replayed");
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
    let missing = operation["responses"][nth]["status"] == 404;
    let path = operation["path"]
        .as_str()
        .unwrap()
        .replace("{idChannel}", "bot-123")
        .replace("{phone}", phone)
        .replace("/{id?}", "")
        .replace("{id}", if missing { "99" } else { "15" });
    // An operation without headers is documented as those see it who send none; the
    // same answer comes when an older route is asked for what is no number.
    let bare = operation["documented_as_requires_authentication"] == true
        && operation["headers"] == json!([]);
    let path = if bare {
        path.replace("/99", "/dignissimos")
    } else {
        path
    };
    let path = match (id, nth) {
        ("GET /api/meta/getMediaFile", 0) => format!("{path}?filename={PHOTO}"),
        ("GET /api/meta/getMediaFile", _) => format!("{path}?filename=photo_54321.jpg"),
        _ => path,
    };
    let mut asked = request(operation["method"].as_str().unwrap(), &path);
    if !is_nobody(id) && (!bare || path.contains("dignissimos")) {
        asked = asked.client();
    }
    if (id, nth) != ("POST /api/meta/sendMessagesWAP", 1) {
        let juan = id == "GET /api/auth/getRequestUserData";
        asked = asked.bearer(if juan { JUAN } else { AGENT });
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
    if matches!(
        (id, nth),
        (
            "GET /api/meta/getMediaFile" | "GET /api/telegram/getMediaFile",
            0
        )
    ) {
        // One of the documents shows JSON here; its words promise the stored file.
        assert_eq!(answer.header("content-type"), "image/jpeg", "{name}");
        assert_eq!(answer.text, CONTENT, "{name}");
        return;
    }
    let mut wanted = wanted["body"].clone();
    let got = answer.json();
    if (id, nth) == ("POST /api/broadcast/public-message", 0) {
        // The documents' user has another name than ours.
        wanted["data"]["payload"]["user"] = json!("Agente 1");
    }
    let sent_without_id = [
        "POST /api/Synology/BotAsistencia/configurarIdUsuario",
        "POST /api/correo/getConfigCorreos",
        "POST /api/meta/readMessagesWAP",
    ];
    if sent_without_id.contains(&id) && wanted.get("id_bitacora_log").is_some() {
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
    if wanted["data"]["pic_url"].is_string() {
        // Pictures are shown by the operation for them.
        wanted["data"]["pic_url"] = json!("http://127.0.0.1:8080/api/users/showUserPic/15");
    }
    assert_eq!(got.to_string(), wanted.to_string(), "{name}");
    assert_eq!(answer.header("content-type"), "application/json", "{name}");
}
