//! Failures that a test asks Telegram for.

use std::time::Duration;

use serde_json::{Value, json};
use testing::telegram::TelegramFailure;

use crate::{
    client::{DEADLINE, answer},
    telegram_client::{call, telegram},
};

#[tokio::test]
async fn failures_come_in_order_and_once_each() {
    let telegram = telegram().await;
    let params = json!({"chat_id": 42, "text": "x"});
    let send = || call(&telegram, "sendMessage", &params);
    let expected = [
        (
            TelegramFailure::RetryAfter(5),
            429,
            "Too Many Requests: retry after 5",
        ),
        (
            TelegramFailure::BotBlocked,
            403,
            "Forbidden: bot was blocked by the user",
        ),
        (
            TelegramFailure::UserDeactivated,
            403,
            "Forbidden: user is deactivated",
        ),
        (
            TelegramFailure::ChatNotFound,
            400,
            "Bad Request: chat not found",
        ),
        (
            TelegramFailure::Migrated(-1005),
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
        ),
        (TelegramFailure::InternalError, 500, "Internal Server Error"),
    ];
    for (failure, ..) in &expected {
        telegram.fail_next(failure.clone());
    }
    // One that breaks a rule uses up none.
    assert_eq!(
        answer(call(&telegram, "sendMessage", &json!({"chat_id": 42})))
            .await
            .0,
        400
    );

    for (failure, code, description) in &expected {
        let response = send().send().await.unwrap();
        assert_eq!(response.status().as_u16(), *code, "{failure:?}");
        let retry_after = response.headers().get("retry-after").cloned();
        let answered: Value = response.json().await.unwrap();
        assert_eq!(answered["error_code"], *code);
        assert_eq!(answered["description"], *description);
        match failure {
            TelegramFailure::RetryAfter(_) => {
                assert_eq!(answered["parameters"], json!({"retry_after": 5}));
                assert_eq!(retry_after.unwrap(), "5");
            }
            TelegramFailure::Migrated(_) => {
                assert_eq!(answered["parameters"], json!({"migrate_to_chat_id": -1005}));
            }
            _ => assert_eq!(answered.get("parameters"), None),
        }
    }

    telegram.fail_next(TelegramFailure::NotJson);
    assert_eq!(answer(send()).await, (502, Value::Null));
    assert_eq!(telegram.sent(), []);
    assert_eq!(answer(send()).await.0, 200);
}

#[tokio::test]
async fn a_closed_connection_gives_no_answer() {
    let params = json!({"chat_id": 42, "text": "x"});
    for (failure, sent) in [
        (TelegramFailure::CloseWithoutAnswer, 0),
        (TelegramFailure::CloseAfterAccepting, 1),
    ] {
        let telegram = telegram().await;
        telegram.fail_next(failure.clone());

        let error = call(&telegram, "sendMessage", &params)
            .send()
            .await
            .unwrap_err();

        assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
        assert_eq!(telegram.sent().len(), sent, "{failure:?}");
    }
}

#[tokio::test]
async fn a_hanging_request_waits_until_its_client_gives_up() {
    let params = json!({"chat_id": 42, "text": "x"});
    let telegram = telegram().await;

    telegram.fail_next(TelegramFailure::Hang);
    let impatient = call(&telegram, "sendMessage", &params).timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(telegram.sent(), []);

    telegram.fail_next(TelegramFailure::HangAfterAccepting);
    let held = tokio::spawn(call(&telegram, "sendMessage", &params).send());
    telegram.wait_for_sent(1, DEADLINE).await.unwrap();
    drop(telegram);
    assert!(!held.await.unwrap().unwrap_err().is_timeout());
}
