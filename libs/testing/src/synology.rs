//! A strict double of the part of Synology Chat that programs write to: chatbots and
//! incoming webhooks.
//!
//! It refuses what Synology Chat refuses, and as it does: with status 200 and
//! `success: false`. It is an HTTP server on loopback: give its
//! [`base_url`](FakeSynology::base_url) to the code under test.
//!
//! | what is wrong | code |
//! |---|---|
//! | another `api`, `method` or `version` than the two it has | 102, 103, 104 |
//! | a token that nobody registered, quoted or not | 404 |
//! | no `payload`, or an empty one | 101 |
//! | a payload that is no JSON object with `text` or `file_url`, or a chatbot that names no user | 120 |
//! | more than 2000 characters | 410 |
//!
//! Not modelled: limits by time (script 411 with [`fail_next`](FakeSynology::fail_next)), the
//! block of an address (105), users that do not exist, and what becomes of `file_url`.

use std::{
    collections::{HashSet, VecDeque},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, anyhow};
use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    loopback::{Loopback, severed, silence},
    recorder::{Recorder, lock},
};

/// The longest text, in characters.
const LONGEST_TEXT: usize = 2000;

/// The number of the first post; they are larger than 32 bits hold.
const FIRST_POST: i64 = 23_059_679_412_324;

/// A running double; dropping it stops it.
#[derive(Debug)]
pub struct FakeSynology {
    server: Loopback,
    shared: Arc<Shared>,
}

/// A post that Synology Chat took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// `chatbot` or `incoming`.
    pub method: String,
    /// Whose token it came with.
    pub token: String,
    /// Whom it is for; empty for an incoming webhook, which has its channel.
    pub user_ids: Vec<i64>,
    /// What it says.
    pub text: String,
}

/// What the next post meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynologyFailure {
    /// A refusal with a code, such as 411 for posting too fast.
    Code(u16),
    /// Status 500.
    Broken,
    /// A page instead of JSON.
    Page,
    /// No answer at all; the post is not kept.
    Silence,
    /// The post is kept, and the connection cut instead of answered.
    KeptThenCut,
}

#[derive(Debug)]
struct Shared {
    tokens: Mutex<HashSet<(String, String)>>,
    posts: Recorder<Post>,
    next: Mutex<VecDeque<SynologyFailure>>,
    last_post: AtomicI64,
}

impl FakeSynology {
    /// Starts on a free port of loopback.
    pub async fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            tokens: Mutex::default(),
            posts: Recorder::new(),
            next: Mutex::default(),
            last_post: AtomicI64::new(FIRST_POST),
        });
        let router = Router::new()
            .route("/webapi/entry.cgi", post(entry))
            .with_state(Arc::clone(&shared));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Loopback::serve(address, router).await?;
        Ok(Self { server, shared })
    }

    /// Where it listens, such as `http://127.0.0.1:41234`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Adds a chatbot.
    pub fn register_bot(&self, token: &str) {
        self.register("chatbot", token);
    }

    /// Adds an incoming webhook.
    pub fn register_webhook(&self, token: &str) {
        self.register("incoming", token);
    }

    fn register(&self, method: &str, token: &str) {
        lock(&self.shared.tokens).insert((method.to_owned(), token.to_owned()));
    }

    /// Has the next post fail; several are met in order.
    pub fn fail_next(&self, failure: SynologyFailure) {
        lock(&self.shared.next).push_back(failure);
    }

    /// Everything posted so far.
    pub fn posts(&self) -> Vec<Post> {
        self.shared.posts.all()
    }

    /// Waits until `count` posts have been taken.
    pub async fn wait_for_posts(&self, count: usize, deadline: Duration) -> Result<Vec<Post>> {
        let posts = self.shared.posts.wait_for(count, deadline).await;
        posts.map_err(|seen| anyhow!("only {seen} of {count} posts came"))
    }
}

#[derive(Deserialize)]
struct Called {
    #[serde(default)]
    api: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    token: String,
}

/// A refusal: the code and what it is called.
struct Refused(u16, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = json!({"code": self.0, "errors": self.1});
        Json(json!({"error": error, "success": false})).into_response()
    }
}

async fn entry(
    State(shared): State<Arc<Shared>>,
    Query(called): Query<Called>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let post = match read(&shared, &called, &headers, &body) {
        Ok(post) => post,
        Err(refused) => return refused.into_response(),
    };
    let failure = lock(&shared.next).pop_front();
    match failure {
        None => {
            let answer = answer(&shared, &post);
            shared.posts.record(post);
            Json(answer).into_response()
        }
        Some(SynologyFailure::Code(411)) => Refused(411, "create post too fast").into_response(),
        Some(SynologyFailure::Code(code)) => Refused(code, "refused by a script").into_response(),
        Some(SynologyFailure::Broken) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(SynologyFailure::Page) => "<html>Synology</html>".into_response(),
        Some(SynologyFailure::Silence) => silence().await,
        Some(SynologyFailure::KeptThenCut) => {
            shared.posts.record(post);
            severed()
        }
    }
}

/// The post of a call, checked as Synology Chat checks it.
fn read(
    shared: &Shared,
    called: &Called,
    headers: &HeaderMap,
    body: &str,
) -> Result<Post, Refused> {
    if called.api != "SYNO.Chat.External" {
        return Err(Refused(102, "no such api"));
    }
    if !["chatbot", "incoming"].contains(&called.method.as_str()) {
        return Err(Refused(103, "no such method"));
    }
    if called.version != "2" {
        return Err(Refused(104, "no such version"));
    }
    let token = called.token.trim_matches('"');
    let known = (called.method.clone(), token.to_owned());
    if !lock(&shared.tokens).contains(&known) {
        return Err(Refused(404, "bot is not legal"));
    }
    let payload = payload(headers, body).ok_or(Refused(101, "payload is empty"))?;
    let not_a_post = || Refused(120, "payload format");
    let payload: Map<String, Value> = serde_json::from_str(&payload).map_err(|_| not_a_post())?;
    let text = payload.get("text").and_then(Value::as_str).unwrap_or("");
    if text.is_empty() && !payload.contains_key("file_url") {
        return Err(not_a_post());
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(Refused(410, "message too long"));
    }
    let users = payload.get("user_ids").and_then(Value::as_array);
    let users = users.map(|users| users.iter().map(Value::as_i64).collect::<Option<Vec<_>>>());
    let users = users.unwrap_or(Some(Vec::new())).ok_or_else(not_a_post)?;
    if called.method == "chatbot" && users.is_empty() {
        return Err(not_a_post());
    }
    Ok(Post {
        method: known.0,
        token: known.1,
        user_ids: users,
        text: text.to_owned(),
    })
}

/// The payload: a field of a form, or of a webhook the body itself.
fn payload(headers: &HeaderMap, body: &str) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    if kind.starts_with("application/json") {
        return Some(body.to_owned()).filter(|body| !body.is_empty());
    }
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(body).ok()?;
    let payload = fields.into_iter().find(|(name, _)| name == "payload")?;
    Some(payload.1).filter(|payload| !payload.is_empty())
}

fn answer(shared: &Shared, post: &Post) -> Value {
    if post.method == "incoming" {
        return json!({"success": true});
    }
    let posted: Map<String, Value> = post
        .user_ids
        .iter()
        .map(|user| {
            let id = shared.last_post.fetch_add(1, Ordering::SeqCst);
            (user.to_string(), id.into())
        })
        .collect();
    json!({"data": {"fail": null, "succ": {"user_id_post_map": posted}}, "success": true})
}
