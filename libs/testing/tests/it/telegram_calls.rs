//! Who may call the Bot API, and what it takes and refuses of text messages.

use reqwest::multipart::Form;
use serde_json::{Value, json};
use testing::telegram::{bot_id, text_update};

use crate::{
    client::{DEADLINE, answer, http},
    telegram_client::{TOKEN, call, refusal, telegram, url},
};

#[tokio::test]
async fn the_token_decides_who_the_bot_is() {
    let telegram = telegram().await;
    let base = telegram.base_url();

    let (status, answered) = answer(http().get(url(&telegram, "getMe"))).await;
    assert_eq!((status, &answered["ok"]), (200, &json!(true)));
    assert_eq!(answered["result"]["id"], 123_456);
    assert_eq!(answered["result"]["is_bot"], true);

    let get = |path: &str| http().get(format!("{base}{path}"));
    for path in [
        "/bot123456:other/getMe",
        "/bot999:AAE-the_secret/getMe",
        "/file/bot1:a/x",
    ] {
        assert_eq!(
            answer(get(path)).await,
            refusal(401, "Unauthorized"),
            "{path}"
        );
    }
    for path in [
        "/",
        "/getMe",
        "/bot/getMe",
        "/botAAE/getMe",
        "/bot-1:a/getMe",
        "/bot123456:AAE-the_secret",
    ] {
        assert_eq!(answer(get(path)).await, refusal(404, "Not Found"), "{path}");
    }

    telegram.revoke_bot(TOKEN);
    assert_eq!(
        answer(get(&format!("/bot{TOKEN}/getMe"))).await,
        refusal(401, "Unauthorized")
    );
}

#[test]
fn a_token_is_told_from_other_text() {
    assert_eq!(bot_id(TOKEN), Some(123_456));
    for text in [
        "", ":", "1:", ":a", "0:a", "01:a", "+1:a", "-1:a", "x:a", "1:a b", "1:a/b",
    ] {
        assert_eq!(bot_id(text), None, "{text:?}");
    }
}

#[tokio::test]
async fn methods_ignore_case_and_unknown_ones_are_not_found() {
    let telegram = telegram().await;

    assert_eq!(answer(http().post(url(&telegram, "GETME"))).await.0, 200);
    let unknown = answer(http().get(url(&telegram, "sendMesage"))).await;
    assert_eq!(unknown, refusal(404, "Not Found: method not found"));
    assert_eq!(answer(http().put(url(&telegram, "getMe"))).await.0, 404);
}

#[tokio::test]
async fn a_message_is_taken_and_recorded() {
    let telegram = telegram().await;
    let params = json!({"chat_id": 42, "text": "hola"});

    let (status, answered) = answer(call(&telegram, "sendMessage", &params)).await;

    assert_eq!(status, 200, "{answered}");
    let message = &answered["result"];
    assert_eq!(message["text"], "hola");
    assert_eq!(message["chat"]["id"], 42);
    assert_eq!(message["chat"]["type"], "private");
    assert_eq!(message["from"]["id"], 123_456);
    assert!(message["date"].as_u64().unwrap() > 1_700_000_000);
    let sent = telegram.wait_for_sent(1, DEADLINE).await.unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].bot_id, 123_456);
    assert_eq!(sent[0].method, "sendMessage");
    assert_eq!(sent[0].chat_id, 42);
    assert_eq!(sent[0].message_id, message["message_id"]);
    assert_eq!(sent[0].body, params);
    assert_eq!(sent[0].file, None);
    let (_, fetched) = answer(http().get(format!("{}/_sent", telegram.base_url()))).await;
    assert_eq!(fetched[0]["body"], params);
}

#[tokio::test]
async fn parameters_come_in_four_ways() {
    let telegram = telegram().await;
    let url = url(&telegram, "sendMessage");
    let requests = [
        http().get(format!("{url}?chat_id=42&text=hola%20")),
        http()
            .post(&url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("chat_id=42&text=hola"),
        http()
            .post(&url)
            .multipart(Form::new().text("chat_id", "42").text("text", "hola")),
        http()
            .post(format!("{url}?chat_id=42"))
            .json(&json!({"text": "hola"})),
    ];

    for request in requests {
        let (status, answered) = answer(request).await;
        assert_eq!(
            (status, &answered["result"]["text"]),
            (200, &json!("hola")),
            "{answered}"
        );
    }
    assert_eq!(telegram.sent().len(), 4);
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_is_refused_and_not_sent() {
    let telegram = telegram().await;
    let cases = [
        (json!({"chat_id": 42}), "message text is empty"),
        (json!({"chat_id": 42, "text": ""}), "message text is empty"),
        (
            json!({"chat_id": 42, "text": " \n "}),
            "message text is empty",
        ),
        (
            json!({"chat_id": 42, "text": "x".repeat(4097)}),
            "message is too long",
        ),
        (json!({"text": "x"}), "chat_id is empty"),
        (json!({"chat_id": "agente", "text": "x"}), "chat not found"),
        (json!({"chat_id": 0, "text": "x"}), "chat not found"),
        (json!({"chat_id": -100, "text": "x"}), "chat not found"),
        (
            json!({"chat_id": 42, "text": "x", "parse_mode": "BB"}),
            "unsupported parse_mode",
        ),
        (
            json!({"chat_id": 42, "text": "x", "reply_parameters": {"message_id": 7}}),
            "message to be replied not found",
        ),
    ];

    for (params, complaint) in cases {
        let answered = answer(call(&telegram, "sendMessage", &params)).await;
        assert_eq!(
            answered,
            refusal(400, &format!("Bad Request: {complaint}")),
            "{params}"
        );
    }
    let broken = http()
        .post(url(&telegram, "sendMessage"))
        .header("content-type", "application/json");
    assert_eq!(answer(broken.body("{")).await.0, 400);
    assert_eq!(telegram.sent(), []);
}

#[tokio::test]
async fn the_longest_text_counts_characters_and_not_bytes() {
    let telegram = telegram().await;

    let params = json!({"chat_id": 42, "text": "ñ".repeat(4096)});

    assert_eq!(answer(call(&telegram, "sendMessage", &params)).await.0, 200);
}

#[tokio::test]
async fn a_group_is_there_once_the_bot_is_in_it() {
    let telegram = telegram().await;
    let params = |chat_id: i64| json!({"chat_id": chat_id, "text": "x"});

    telegram.add_chat(TOKEN, -100).unwrap();
    telegram
        .push_update(TOKEN, text_update(-200, 5, "hola", 1))
        .unwrap();

    assert_eq!(
        answer(call(&telegram, "sendMessage", &params(-100)))
            .await
            .0,
        200
    );
    assert_eq!(
        answer(call(&telegram, "sendMessage", &params(-200)))
            .await
            .0,
        200
    );
    assert_eq!(
        answer(call(&telegram, "sendMessage", &params(-300)))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_reply_needs_the_message_it_replies_to() {
    let telegram = telegram().await;
    telegram
        .push_update(TOKEN, text_update(42, 7, "hola", 1))
        .unwrap();
    let reply = |to: &Value| json!({"chat_id": 42, "text": "x", "reply_parameters": to});

    let (_, answered) = answer(call(
        &telegram,
        "sendMessage",
        &reply(&json!({"message_id": 7})),
    ))
    .await;
    assert_eq!(answered["result"]["reply_to_message"]["message_id"], 7);
    assert_eq!(answered["result"]["message_id"], 8);

    let forgiving = json!({"message_id": 99, "allow_sending_without_reply": true});
    let (status, answered) = answer(call(&telegram, "sendMessage", &reply(&forgiving))).await;
    assert_eq!(
        (status, answered["result"].get("reply_to_message")),
        (200, None)
    );
}
