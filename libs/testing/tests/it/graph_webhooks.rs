//! Bodies of webhooks and their signature.

use serde_json::{Value, json};
use testing::{
    FakeGraph,
    graph::{
        change, envelope, media_message, message_status, sign, status_webhook, text_message,
        text_webhook, user_id_of,
    },
};

use crate::client::{answer, http};

fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[test]
fn the_signature_is_hmac_sha256_in_hex() {
    // Test case 2 of RFC 4231.
    assert_eq!(
        sign("Jefe", b"what do ya want for nothing?"),
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert_ne!(sign("Jefe", b"{}"), sign("jefe", b"{}"));
    assert_ne!(sign("Jefe", b"{}"), sign("Jefe", b"{ }"));
}

#[test]
fn a_text_from_a_phone_names_phone_and_user() {
    let body = parse(&text_webhook(
        "106",
        "50688887777",
        "wamid.A",
        "hola",
        1_697_043_223,
    ));

    assert_eq!(body["object"], "whatsapp_business_account");
    let change = &body["entry"][0]["changes"][0];
    assert_eq!(change["field"], "messages");
    let value = &change["value"];
    assert_eq!(value["messaging_product"], "whatsapp");
    assert_eq!(value["metadata"]["phone_number_id"], "106");
    assert_eq!(value["contacts"][0]["wa_id"], "50688887777");
    assert_eq!(value["contacts"][0]["user_id"], user_id_of("50688887777"));
    assert_eq!(value["messages"][0]["from"], "50688887777");
    assert_eq!(value["messages"][0]["id"], "wamid.A");
    assert_eq!(value["messages"][0]["timestamp"], "1697043223");
    assert_eq!(value["messages"][0]["type"], "text");
    assert_eq!(value["messages"][0]["text"], json!({"body": "hola"}));
    assert_eq!(value.get("statuses"), None);
}

#[test]
fn a_text_from_a_user_without_a_phone_has_no_phone() {
    let body = parse(&text_webhook("106", "CR.123", "wamid.A", "hola", 1));

    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(value["messages"][0].get("from"), None);
    assert_eq!(value["messages"][0]["from_user_id"], "CR.123");
    assert_eq!(value["contacts"][0].get("wa_id"), None);
    assert_eq!(value["contacts"][0]["user_id"], "CR.123");
}

#[tokio::test]
async fn a_status_repeats_the_opaque_data_and_the_recipient_of_its_message() {
    let graph = FakeGraph::start().await;
    graph.register_number("106", "t");
    for (key, to) in [("to", "+506 8888-7777"), ("recipient", "CR.123")] {
        let mut message = json!({
            "messaging_product": "whatsapp",
            "type": "text",
            "text": {"body": "x"},
            "biz_opaque_callback_data": "out-7",
        });
        message[key] = to.into();
        let send = http().post(format!("{}/v23.0/106/messages", graph.base_url()));
        assert_eq!(answer(send.bearer_auth("t").json(&message)).await.0, 200);
    }
    let status = |index: usize, status: &str| {
        let sent = &graph.sent()[index];
        let body = status_webhook("106", &sent.wamid, status, sent.opaque.as_deref());
        let value = parse(&body)["entry"][0]["changes"][0]["value"].take();
        assert_eq!(value.get("messages"), None);
        assert_eq!(value["statuses"][0]["id"], sent.wamid.as_str());
        value["statuses"][0].clone()
    };

    let delivered = status(0, "delivered");
    assert_eq!(delivered["status"], "delivered");
    assert_eq!(delivered["recipient_id"], "50688887777");
    assert_eq!(delivered["biz_opaque_callback_data"], "out-7");
    assert!(
        delivered["timestamp"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 1_700_000_000
    );
    assert_eq!(delivered.get("errors"), None);

    let failed = status(1, "failed");
    assert_eq!(failed["recipient_user_id"], "CR.123");
    assert_eq!(failed["errors"][0]["code"], 131_026);
}

#[test]
fn a_status_without_opaque_data_has_none() {
    let status = message_status("wamid.A", "read", None, 5);

    assert_eq!(status.get("biz_opaque_callback_data"), None);
    assert_eq!(status.get("recipient_id"), None);
    assert_eq!(status["timestamp"], "5");
}

#[tokio::test]
async fn one_body_can_hold_many_of_everything() {
    let graph = FakeGraph::start().await;
    let media = graph.store_media("106", "image/jpeg", "hola");
    let messages = vec![
        text_message("50611112222", "wamid.1", "uno", 1),
        text_message("50611112222", "wamid.2", "dos", 2),
        media_message("50633334444", "wamid.3", "image", &media, 3),
    ];
    let statuses = vec![message_status("wamid.9", "read", None, 4)];
    let first = change("106", messages, statuses);
    let second = change(
        "107",
        vec![text_message("50655556666", "wamid.4", "tres", 5)],
        vec![],
    );

    let body = parse(&envelope(vec![vec![first, second.clone()], vec![second]]));

    let entries = body["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let value = &entries[0]["changes"][0]["value"];
    assert_eq!(value["contacts"].as_array().unwrap().len(), 2);
    assert_eq!(value["messages"].as_array().unwrap().len(), 3);
    assert_eq!(value["messages"][2]["image"]["id"], media.id.as_str());
    assert_eq!(
        value["messages"][2]["image"]["sha256"],
        media.sha256.as_str()
    );
    assert_eq!(value["statuses"].as_array().unwrap().len(), 1);
    assert_eq!(
        entries[0]["changes"][1]["value"]["metadata"]["phone_number_id"],
        "107"
    );
}
