//! A client for the tests: small requests, and answers as a status and JSON.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// Long enough for a slow machine; no test waits so long when all is well.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub fn http() -> Client {
    Client::builder()
        .no_proxy()
        .timeout(DEADLINE)
        .user_agent("it/1.0.0")
        .build()
        .unwrap()
}

/// Sends a request; an answer that is no JSON counts as null.
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}
