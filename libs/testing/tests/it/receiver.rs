//! A webhook of the tests' own: keeps what it gets and answers as told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub struct Receiver {
    pub url: String,
    inbox: Arc<Inbox>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Inbox {
    received: Mutex<Vec<Received>>,
    answers: Mutex<VecDeque<Answer>>,
}

#[derive(Clone)]
pub struct Received {
    pub secret: Option<String>,
    pub update: Value,
}

#[derive(Clone, Copy)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u32>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let inbox = Arc::new(Inbox::default());
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state(inbox.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inbox, server }
    }

    /// Answers one request with `status`; requests after the last one told get 200.
    pub fn answer_next(&self, status: u16, retry_after: Option<u32>) {
        self.inbox.answers.lock().unwrap().push_back(Answer {
            status,
            retry_after,
        });
    }

    pub fn received(&self) -> Vec<Received> {
        self.inbox.received.lock().unwrap().clone()
    }

    /// The texts of the messages received, in their order.
    pub fn texts(&self) -> Vec<String> {
        let text = |received: &Received| {
            received.update["message"]["text"]
                .as_str()
                .map(String::from)
        };
        self.received().iter().filter_map(text).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> Response {
    let secret = headers.get("X-Telegram-Bot-Api-Secret-Token");
    let secret = secret.map(|secret| secret.to_str().unwrap().to_owned());
    let update = serde_json::from_slice(&body).unwrap();
    inbox
        .received
        .lock()
        .unwrap()
        .push(Received { secret, update });
    let answer = inbox.answers.lock().unwrap().pop_front();
    let answer = answer.unwrap_or(Answer {
        status: 200,
        retry_after: None,
    });
    let mut response = StatusCode::from_u16(answer.status).unwrap().into_response();
    if let Some(seconds) = answer.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
