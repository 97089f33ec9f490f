//! Webhooks of the Bot API: which may be set.

use std::time::Duration;

use serde_json::{Value, json};
use testing::telegram::{TelegramOptions, WebhookInfo};

use crate::{
    client::answer,
    telegram_client::{TOKEN, call, set, telegram, telegram_with},
};

fn said(description: &str) -> (u16, Value) {
    (
        200,
        json!({"ok": true, "result": true, "description": description}),
    )
}

#[tokio::test]
async fn a_webhook_is_set_changed_and_deleted() {
    let telegram = telegram().await;
    let params = json!({
        "url": "https://chat.example.com/hook",
        "secret_token": "a-Z_9",
        "max_connections": 7,
        "allowed_updates": ["message", "message_reaction"],
    });
    let send = |method, params: &Value| answer(call(&telegram, method, params));
    assert_eq!(telegram.webhook(TOKEN), None);

    assert_eq!(send("setWebhook", &params).await, said("Webhook was set"));
    assert_eq!(
        send("setWebhook", &params).await,
        said("Webhook is already set")
    );

    let expected = WebhookInfo {
        url: "https://chat.example.com/hook".to_owned(),
        secret_token: Some("a-Z_9".to_owned()),
        max_connections: 7,
        allowed_updates: Some(vec!["message".to_owned(), "message_reaction".to_owned()]),
        pending_update_count: 0,
        last_error_message: None,
    };
    assert_eq!(telegram.webhook(TOKEN), Some(expected));
    let (_, info) = send("getWebhookInfo", &json!({})).await;
    let expected = json!({
        "url": "https://chat.example.com/hook",
        "has_custom_certificate": false,
        "pending_update_count": 0,
        "max_connections": 7,
        "allowed_updates": ["message", "message_reaction"],
    });
    assert_eq!(info["result"], expected);

    assert_eq!(
        send("deleteWebhook", &json!({})).await,
        said("Webhook was deleted")
    );
    assert_eq!(
        send("deleteWebhook", &json!({})).await,
        said("Webhook is already deleted")
    );
    assert_eq!(telegram.webhook(TOKEN), None);
    assert_eq!(
        send("getWebhookInfo", &json!({})).await.1["result"]["url"],
        ""
    );
}

#[tokio::test]
async fn a_webhook_that_breaks_a_rule_is_refused() {
    let telegram = telegram().await;
    let url = "https://chat.example.com/hook";
    let https = "bad webhook: An HTTPS URL must be provided for webhook";
    let port = "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443";
    let characters = "secret token contains unallowed characters";
    let cases = [
        (json!({"url": "http://chat.example.com/hook"}), https),
        (json!({"url": "https://chat.example.com:8080/hook"}), port),
        (
            json!({"url": "https://127.0.0.1/hook"}),
            "bad webhook: IP address 127.0.0.1 is reserved",
        ),
        (
            json!({"url": "https://10.1.2.3/hook"}),
            "bad webhook: IP address 10.1.2.3 is reserved",
        ),
        (
            json!({"url": "https:///hook"}),
            "invalid webhook URL specified",
        ),
        (json!({"url": "/hook"}), "invalid webhook URL specified"),
        (
            json!({"url": url, "secret_token": "x".repeat(257)}),
            "secret token is too long",
        ),
        (json!({"url": url, "secret_token": "a b"}), characters),
        (json!({"url": url, "secret_token": "a:b"}), characters),
        (json!({"url": url, "secret_token": "ñ"}), characters),
    ];
    for (params, complaint) in cases {
        let (status, answered) = answer(call(&telegram, "setWebhook", &params)).await;
        assert_eq!(status, 400, "{params}");
        assert_eq!(
            answered["description"],
            format!("Bad Request: {complaint}"),
            "{params}"
        );
        assert_eq!(telegram.webhook(TOKEN), None);
    }

    for port in [443, 80, 88, 8443] {
        set(
            &telegram,
            json!({"url": format!("https://chat.example.com:{port}/hook")}),
        )
        .await;
    }
    set(
        &telegram,
        json!({"url": url, "secret_token": "x".repeat(256)}),
    )
    .await;
}

#[tokio::test]
async fn a_refused_webhook_leaves_none_behind() {
    let telegram = telegram().await;
    set(&telegram, json!({"url": "https://chat.example.com/hook"})).await;

    let (status, _) = answer(call(&telegram, "setWebhook", &json!({"url": "http://a.b"}))).await;

    assert_eq!(status, 400);
    assert_eq!(telegram.webhook(TOKEN), None);
}

#[tokio::test]
async fn setting_twice_within_a_second_is_limited_on_request() {
    let second = Duration::from_mins(10);
    let options = TelegramOptions {
        limit_set_webhook: true,
        second,
        ..TelegramOptions::default()
    };
    let telegram = telegram_with(options).await;
    let params = json!({"url": "https://chat.example.com/hook"});
    set(&telegram, params.clone()).await;

    let (status, answered) = answer(call(&telegram, "setWebhook", &params)).await;

    assert_eq!(status, 429);
    assert_eq!(answered["description"], "Too Many Requests: retry after 1");
    assert_eq!(answered["parameters"], json!({"retry_after": 1}));
    assert_eq!(
        answer(call(&telegram, "deleteWebhook", &json!({}))).await.0,
        200
    );
}
