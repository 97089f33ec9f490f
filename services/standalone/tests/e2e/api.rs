//! The REST interface as a client of the documents uses it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::world::{META_SECRET, PATIENCE};

/// A client with the credentials of the demonstration.
#[derive(Clone)]
pub struct Api {
    urls: Arc<[String]>,
    /// Which of them is next.
    next: Arc<AtomicUsize>,
    client: reqwest::Client,
    bearer: Option<String>,
}

/// An answer: status and JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub json: Value,
}

impl Answer {
    /// The JSON of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json
    }
}

impl Api {
    pub fn new(url: String) -> Self {
        Self::in_turn(vec![url])
    }

    /// Asks each replica in turn, as behind a load balancer.
    pub fn in_turn(urls: Vec<String>) -> Self {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            urls: urls.into(),
            next: Arc::default(),
            client,
            bearer: None,
        }
    }

    fn url(&self) -> &str {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.urls[turn % self.urls.len()]
    }

    /// The same client, acting for a user.
    pub async fn login(&self, email: &str) -> Self {
        let answer = self
            .post(
                "auth/login",
                json!({"email": email, "password": "Secret123"}),
            )
            .await
            .ok();
        let token = answer["data"]["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        Self {
            bearer: Some(token),
            ..self.clone()
        }
    }

    /// The same client with a user's token.
    pub fn bearing(&self, token: &str) -> Self {
        Self {
            bearer: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The bearer token of the user.
    pub fn token(&self) -> &str {
        self.bearer.as_deref().expect("logged in")
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}/api/{path}", self.url()))
            .header("X-User-Consumo", "UsuarioPrueba")
            .header("X-User-Secret", "strDasdakdmsadsakming");
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// A request without any credentials.
    pub fn nobody(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/api/{path}", self.url()))
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Posts a webhook of Meta, signed with the secret of the deployment.
    pub async fn meta(&self, body: &[u8]) -> reqwest::Result<StatusCode> {
        self.meta_signed(body, &testing::graph::sign(META_SECRET, body))
            .await
    }

    /// Posts a webhook of Meta with any signature.
    pub async fn meta_signed(&self, body: &[u8], signature: &str) -> reqwest::Result<StatusCode> {
        let request = self
            .client
            .post(format!("{}/api/meta/readMessagesWAP", self.url()))
            .header("Content-Type", "application/json")
            .header("X-Hub-Signature-256", signature)
            .body(body.to_vec());
        Ok(request.send().await?.status())
    }

    /// Posts an update as Telegram does, to the address it was given.
    pub async fn telegram(
        &self,
        url: &str,
        secret: &str,
        body: &[u8],
    ) -> reqwest::Result<StatusCode> {
        let request = self
            .client
            .post(url)
            .header("Content-Type", "application/json")
            .header("X-Telegram-Bot-Api-Secret-Token", secret)
            .body(body.to_vec());
        Ok(request.send().await?.status())
    }

    /// Posts a webhook as a provider does: again and again until it is accepted.
    pub async fn meta_until_accepted(&self, body: &[u8]) {
        let began = Instant::now();
        while !matches!(self.meta(body).await, Ok(StatusCode::OK)) {
            assert!(began.elapsed() < PATIENCE, "the webhook is never accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Adds an active WhatsApp channel of company 3; answers its id.
    pub async fn whatsapp_channel(&self, phone_number_id: &str) -> i64 {
        let body = json!({
            "id_company": 3, "name": format!("WhatsApp {phone_number_id}"),
            "app": phone_number_id, "type": "whatsappfb", "token": "graph-token",
        });
        let answer = self.post("admin/channels/store", body).await.ok();
        answer["data"]["id_channel"].as_i64().expect("an id")
    }

    /// The chats that the user sees.
    pub async fn chats(&self) -> Vec<Value> {
        let answer = self.post("chat/list", json!({"paginate": "N"})).await.ok();
        answer["data"]["data"].as_array().expect("chats").clone()
    }

    /// Waits until a chat has so many unread messages.
    pub async fn until_unread(&self, chat: &str, unread: u64) {
        let began = Instant::now();
        loop {
            let chats = self.chats().await;
            let found = chats.iter().find(|row| row["id_chat"] == chat);
            if found.is_some_and(|row| row["unread"] == unread) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{chat} never has {unread} unread: {chats:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The token of the guest with a telephone number, as a user may ask for it.
    pub async fn guest_token(&self, phone: &str, email: &str) -> String {
        let user = self.login(email).await;
        let path = format!("guest/get_token_by_phone/{phone}");
        let found = answer(user.request(Method::GET, &path)).await.ok();
        found["data"]["token"].as_str().expect("a token").to_owned()
    }

    /// The texts of a chat, oldest first.
    pub async fn texts(&self, chat: &str) -> Vec<String> {
        let answer = self
            .post("chat/getChatMessages", json!({"id_chat": chat}))
            .await
            .ok();
        let messages = answer["data"]["messages"]
            .as_array()
            .expect("messages")
            .clone();
        messages
            .iter()
            .map(|message| message["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits for the chat whose newest message is `text`; answers its id.
    pub async fn chat_saying(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let chats = self.chats().await;
            if let Some(chat) = chats.iter().find(|chat| chat["last_message"] == text) {
                return chat["id_chat"].as_str().unwrap().to_owned();
            }
            assert!(
                began.elapsed() < PATIENCE,
                "no chat says {text:?}: {chats:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a body");
    let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    Answer { status, json }
}
