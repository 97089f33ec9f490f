//! `getUpdates` of the Bot API.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testing::{FakeTelegram, telegram::text_update};

use crate::{
    client::{answer, http},
    telegram_client::{TOKEN, telegram},
};

fn poll(telegram: &FakeTelegram, params: &Value) -> RequestBuilder {
    http()
        .post(format!("{}/bot{TOKEN}/getUpdates", telegram.base_url()))
        .json(params)
}

fn push(telegram: &FakeTelegram, text: &str) -> i64 {
    telegram
        .push_update(TOKEN, text_update(42, 1, text, 1))
        .unwrap()
        .unwrap()
}

async fn texts(request: RequestBuilder) -> Vec<String> {
    let (status, answered) = answer(request).await;
    assert_eq!(status, 200, "{answered}");
    let updates = answered["result"].as_array().unwrap();
    updates
        .iter()
        .map(|update| update["message"]["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn updates_come_again_until_the_offset_passes_them() {
    let telegram = telegram().await;
    let first = push(&telegram, "uno");
    assert_eq!(push(&telegram, "dos"), first + 1);
    push(&telegram, "tres");

    assert_eq!(
        texts(poll(&telegram, &json!({}))).await,
        ["uno", "dos", "tres"]
    );
    assert_eq!(
        texts(poll(&telegram, &json!({"limit": 2}))).await,
        ["uno", "dos"]
    );
    assert_eq!(
        texts(poll(&telegram, &json!({"offset": first}))).await,
        ["uno", "dos", "tres"]
    );
    assert_eq!(
        texts(poll(&telegram, &json!({"offset": first + 1}))).await,
        ["dos", "tres"]
    );
    assert_eq!(texts(poll(&telegram, &json!({}))).await, ["dos", "tres"]);
    assert_eq!(
        texts(poll(&telegram, &json!({"offset": -1}))).await,
        ["tres"]
    );
    assert_eq!(
        texts(poll(&telegram, &json!({"offset": first + 3})))
            .await
            .len(),
        0
    );
}

#[tokio::test]
async fn a_long_poll_ends_with_the_next_update() {
    let telegram = telegram().await;
    let waiting = tokio::spawn(texts(poll(&telegram, &json!({"timeout": 15}))));

    push(&telegram, "hola");

    assert_eq!(waiting.await.unwrap(), ["hola"]);
}

#[tokio::test]
async fn a_long_poll_ends_empty_after_its_timeout() {
    let telegram = telegram().await;

    assert_eq!(
        texts(poll(&telegram, &json!({"timeout": 1}))).await.len(),
        0
    );
}

#[tokio::test]
async fn polling_conflicts_with_a_webhook() {
    let telegram = telegram().await;
    let set = http().post(format!("{}/bot{TOKEN}/setWebhook", telegram.base_url()));
    answer(set.json(&json!({"url": "https://chat.example.com/hook"}))).await;

    let (status, answered) = answer(poll(&telegram, &json!({}))).await;

    assert_eq!(status, 409);
    let expected = json!({
        "ok": false,
        "error_code": 409,
        "description": "Conflict: can't use getUpdates method while webhook is active; use \
                        deleteWebhook to delete the webhook first",
    });
    assert_eq!(answered, expected);
}

/// Starts polls that wait, until one of them has ended because of `end`.
async fn end_a_long_poll(telegram: &FakeTelegram, end: impl AsyncFn()) -> (u16, Value) {
    let mut waiting = tokio::spawn(answer(poll(telegram, &json!({"timeout": 50}))));
    loop {
        end().await;
        // The poll may not have arrived before `end`, which then has to come again.
        let ended = tokio::time::timeout(std::time::Duration::from_millis(100), &mut waiting).await;
        if let Ok(ended) = ended {
            return ended.unwrap();
        }
    }
}

#[tokio::test]
async fn a_webhook_ends_the_poll_that_waits() {
    let telegram = telegram().await;
    let base = telegram.base_url();

    let (status, answered) = end_a_long_poll(&telegram, async || {
        let url = format!("{base}/bot{TOKEN}/setWebhook?url=https://chat.example.com");
        answer(http().get(url)).await;
    })
    .await;

    // Had the webhook come first, polling would have been refused for that.
    assert_eq!(status, 409);
    let description = answered["description"].as_str().unwrap();
    assert!(description.contains("setWebhook") || description.contains("webhook is active"));
}

#[tokio::test]
async fn a_second_poll_ends_the_first() {
    let telegram = telegram().await;

    let (status, answered) = end_a_long_poll(&telegram, async || {
        let second = poll(&telegram, &json!({"timeout": 50}));
        let impatient = second.timeout(std::time::Duration::from_millis(100));
        assert!(impatient.send().await.is_err());
    })
    .await;

    assert_eq!(status, 409);
    assert_eq!(
        answered["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance \
         is running"
    );
}

#[tokio::test]
async fn only_the_kinds_asked_for_come() {
    let telegram = telegram().await;
    let reaction = || json!({"message_reaction": {"chat": {"id": 42}, "message_id": 1}});
    let member = || json!({"my_chat_member": {"chat": {"id": 42}}});

    // Reactions have to be asked for by name.
    assert_eq!(telegram.push_update(TOKEN, reaction()).unwrap(), None);
    assert!(telegram.push_update(TOKEN, member()).unwrap().is_some());

    answer(poll(
        &telegram,
        &json!({"allowed_updates": ["message_reaction"]}),
    ))
    .await;
    assert!(telegram.push_update(TOKEN, reaction()).unwrap().is_some());
    assert_eq!(telegram.push_update(TOKEN, member()).unwrap(), None);

    // Without the parameter the choice stays; an empty list ends it.
    answer(poll(&telegram, &json!({}))).await;
    assert_eq!(telegram.push_update(TOKEN, member()).unwrap(), None);
    answer(poll(&telegram, &json!({"allowed_updates": "[]"}))).await;
    assert!(telegram.push_update(TOKEN, member()).unwrap().is_some());
    assert_eq!(telegram.push_update(TOKEN, reaction()).unwrap(), None);
}

#[tokio::test]
async fn what_is_no_update_is_not_pushed() {
    let telegram = telegram().await;

    for update in [
        json!(1),
        json!({}),
        json!({"update_id": 1}),
        json!({"message": {}, "poll": {}}),
    ] {
        assert!(
            telegram.push_update(TOKEN, update.clone()).is_err(),
            "{update}"
        );
    }
    assert!(
        telegram
            .push_update("1:unknown", text_update(42, 1, "x", 1))
            .is_err()
    );
}
