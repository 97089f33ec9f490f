//! A client of the Bot API for the tests.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testing::{FakeTelegram, telegram::TelegramOptions};

use crate::client::{answer, http};

pub const TOKEN: &str = "123456:AAE-the_secret";

pub async fn telegram() -> FakeTelegram {
    telegram_with(TelegramOptions::default()).await
}

pub async fn telegram_with(options: TelegramOptions) -> FakeTelegram {
    let telegram = FakeTelegram::start_with(options).await;
    telegram.register_bot(TOKEN);
    telegram
}

pub fn url(telegram: &FakeTelegram, method: &str) -> String {
    format!("{}/bot{TOKEN}/{method}", telegram.base_url())
}

pub fn call(telegram: &FakeTelegram, method: &str, params: &Value) -> RequestBuilder {
    http().post(url(telegram, method)).json(params)
}

pub fn refusal(code: u16, description: &str) -> (u16, Value) {
    (
        code,
        json!({"ok": false, "error_code": code, "description": description}),
    )
}

pub async fn set(telegram: &FakeTelegram, params: Value) {
    let (status, answered) = answer(call(telegram, "setWebhook", &params)).await;
    assert_eq!(status, 200, "{answered}");
}
