//! How updates are delivered to a webhook.

use std::time::Duration;

use serde_json::json;
use testing::{
    FakeTelegram,
    telegram::{Delivery, TelegramOptions, text_update},
};

use crate::{
    client::{DEADLINE, answer},
    receiver::Receiver,
    telegram_client::{TOKEN, call, set, telegram_with},
};

/// With an address on loopback, as all receivers here.
fn local() -> TelegramOptions {
    TelegramOptions {
        allow_any_webhook_url: true,
        ..TelegramOptions::default()
    }
}

/// A double with options, and a receiver that is the webhook of its bot.
async fn connected(options: TelegramOptions) -> (FakeTelegram, Receiver) {
    let (telegram, receiver) = (telegram_with(options).await, Receiver::start().await);
    set(&telegram, json!({"url": receiver.url})).await;
    (telegram, receiver)
}

fn push(telegram: &FakeTelegram, chat_id: i64, text: &str) -> i64 {
    telegram
        .push_update(TOKEN, text_update(chat_id, 1, text, 1))
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn an_update_is_delivered_with_the_secret() {
    let (telegram, receiver) = (telegram_with(local()).await, Receiver::start().await);
    set(
        &telegram,
        json!({"url": receiver.url, "secret_token": "s3cret"}),
    )
    .await;

    let update_id = push(&telegram, 42, "hola");
    telegram.wait_until_drained(TOKEN, DEADLINE).await.unwrap();

    let arrived = receiver.received();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].secret.as_deref(), Some("s3cret"));
    assert_eq!(arrived[0].update["update_id"], update_id);
    assert_eq!(arrived[0].update["message"]["text"], "hola");
    let expected = Delivery {
        bot_id: 123_456,
        update_id,
        attempt: 1,
        status: Some(200),
    };
    assert_eq!(telegram.deliveries(), [expected]);
}

#[tokio::test]
async fn without_a_secret_there_is_no_header() {
    let (telegram, receiver) = connected(local()).await;

    push(&telegram, 42, "hola");
    telegram.wait_until_drained(TOKEN, DEADLINE).await.unwrap();

    assert_eq!(receiver.received()[0].secret, None);
}

#[tokio::test]
async fn what_came_before_the_webhook_is_delivered_to_it() {
    let (telegram, receiver) = (telegram_with(local()).await, Receiver::start().await);
    push(&telegram, 42, "antes");

    set(&telegram, json!({"url": receiver.url})).await;
    telegram.wait_until_drained(TOKEN, DEADLINE).await.unwrap();

    assert_eq!(receiver.texts(), ["antes"]);
}

#[tokio::test]
async fn an_update_is_delivered_again_until_it_is_acknowledged() {
    let (telegram, receiver) = connected(local()).await;
    for (status, retry_after) in [(500, None), (302, None), (404, Some(2)), (503, None)] {
        receiver.answer_next(status, retry_after);
    }

    let update_id = push(&telegram, 42, "hola");
    telegram.wait_until_drained(TOKEN, DEADLINE).await.unwrap();

    assert_eq!(receiver.texts(), ["hola"; 5]);
    let attempts: Vec<_> = telegram
        .deliveries()
        .iter()
        .map(|delivery| (delivery.attempt, delivery.status))
        .collect();
    assert_eq!(
        attempts,
        [
            (1, Some(500)),
            (2, Some(302)),
            (3, Some(404)),
            (4, Some(503)),
            (5, Some(200))
        ]
    );
    assert!(
        telegram
            .deliveries()
            .iter()
            .all(|delivery| delivery.update_id == update_id)
    );
    let error = telegram.webhook(TOKEN).unwrap().last_error_message.unwrap();
    assert_eq!(
        error,
        "Wrong response from the webhook: 503 Service Unavailable"
    );
    let (_, info) = answer(call(&telegram, "getWebhookInfo", &json!({}))).await;
    assert_eq!(info["result"]["last_error_message"], error);
    assert!(info["result"]["last_error_date"].is_u64());
}

#[tokio::test]
async fn a_refused_update_holds_back_its_chat_and_no_other() {
    // So long a second that the update is not delivered again while the test lasts.
    let options = TelegramOptions {
        second: Duration::from_mins(10),
        ..local()
    };
    let (telegram, receiver) = connected(options).await;
    receiver.answer_next(500, Some(1));
    push(&telegram, 42, "uno");
    telegram.wait_for_deliveries(1, DEADLINE).await.unwrap();

    push(&telegram, 42, "dos");
    push(&telegram, 43, "otro");
    telegram.wait_for_deliveries(2, DEADLINE).await.unwrap();

    assert_eq!(receiver.texts(), ["uno", "otro"]);
    assert_eq!(telegram.webhook(TOKEN).unwrap().pending_update_count, 2);
    let error = telegram
        .wait_until_drained(TOKEN, Duration::from_millis(20))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("2 updates wait"), "{error}");
}

#[tokio::test]
async fn a_chat_is_delivered_in_order() {
    let (telegram, receiver) = connected(local()).await;
    receiver.answer_next(500, None);
    let expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();

    for text in &expected {
        push(&telegram, 42, text);
    }
    telegram.wait_until_drained(TOKEN, DEADLINE).await.unwrap();

    let mut texts = receiver.texts();
    texts.dedup();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn an_update_is_given_up_in_the_end() {
    let second = Duration::from_millis(1);
    let telegram = telegram_with(TelegramOptions {
        second,
        deliveries: 3,
        ..local()
    })
    .await;
    // Nobody listens on the port of a receiver that has gone.
    let url = Receiver::start().await.url.clone();
    set(&telegram, json!({"url": url})).await;

    push(&telegram, 42, "hola");
    telegram.wait_until_drained(TOKEN, DEADLINE).await.unwrap();

    let attempts = telegram.deliveries();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|delivery| delivery.status.is_none()));
    assert_eq!(
        telegram
            .webhook(TOKEN)
            .unwrap()
            .last_error_message
            .as_deref(),
        Some("Connection refused")
    );
}

#[tokio::test]
async fn after_the_webhook_has_gone_nothing_is_delivered() {
    let (telegram, receiver) = connected(local()).await;
    answer(call(&telegram, "deleteWebhook", &json!({}))).await;

    push(&telegram, 42, "hola");

    // The update is there to be polled, which it would not be while under way.
    let (_, polled) = answer(call(&telegram, "getUpdates", &json!({}))).await;
    assert_eq!(polled["result"][0]["message"]["text"], "hola");
    assert_eq!(receiver.texts().len(), 0);
}

#[tokio::test]
async fn pending_updates_can_be_dropped() {
    let telegram = telegram_with(local()).await;
    push(&telegram, 42, "hola");

    answer(call(
        &telegram,
        "deleteWebhook",
        &json!({"drop_pending_updates": true}),
    ))
    .await;

    let (_, polled) = answer(call(&telegram, "getUpdates", &json!({}))).await;
    assert_eq!(polled["result"], json!([]));
}

#[tokio::test]
async fn an_update_can_be_delivered_twice() {
    let (telegram, receiver) = connected(local()).await;
    let update_id = push(&telegram, 42, "hola");
    let mut update = text_update(42, 1, "hola", 1);
    update["update_id"] = update_id.into();

    assert_eq!(
        telegram.push_update(TOKEN, update).unwrap(),
        Some(update_id)
    );
    telegram.wait_until_drained(TOKEN, DEADLINE).await.unwrap();

    assert_eq!(receiver.texts(), ["hola", "hola"]);
    assert_eq!(push(&telegram, 42, "otro"), update_id + 1);
}
