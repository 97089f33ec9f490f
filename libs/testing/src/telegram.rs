//! A strict double of Telegram's Bot API.
//!
//! It refuses what Telegram refuses, in Telegram's words, and it delivers updates as Telegram
//! does: in order within a chat, again and again until the receiver answers 2xx. It is an HTTP
//! server on loopback: give its [`base_url`](FakeTelegram::base_url) to the code under test, in
//! this process or another one.
//!
//! | call | rules |
//! |---|---|
//! | `getMe` | the token must be registered (401), and look like one (404) |
//! | `setWebhook`, `deleteWebhook`, `getWebhookInfo` | https and ports 443, 80, 88, 8443 on no reserved address, unless [`allow_any_webhook_url`](TelegramOptions::allow_any_webhook_url); `secret_token` of up to 256 letters, digits, `_` and `-` |
//! | `getUpdates` | 409 while a webhook is set, and for the older of two that wait |
//! | `sendMessage` | text of 1 to 4096 characters; positive chats exist, others when added |
//! | `sendPhoto`, `sendDocument`, `sendAudio`, `sendVoice`, `sendVideo` | a file part, `attach://` or a `file_id`; caption up to 1024 |
//! | `getFile`, `/file/bot<token>/<path>` | up to 20 MB; paths are good until [`expire_file_paths`](FakeTelegram::expire_file_paths) |
//! | `GET /_sent` | not Telegram's: what was sent, as JSON |
//!
//! Methods take GET and POST, and parameters from the query, forms, multipart and JSON. Other
//! methods are answered as unknown.
//!
//! Not modelled: limits by time other than that of `setWebhook` (script them with
//! [`fail_next`](FakeTelegram::fail_next)), the parsing of `parse_mode` and entities, files by URL
//! (nothing is fetched: `failed to get HTTP URL content`), webhooks with certificates, name
//! resolution of webhooks, and the delays Telegram puts before some refusals.

mod answer;
mod bot;
mod files;
mod hook;
mod params;
mod poll;
mod pump;
mod routes;
mod send;
mod updates;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::{answer::TelegramFailure, updates::text_update};
use self::{
    bot::Bot,
    files::{HeldFile, Kind},
    params::FilePart,
};
use crate::{
    loopback::Loopback,
    recorder::{Recorder, lock},
};

/// A running double; dropping it stops it and cuts its open connections.
#[derive(Debug)]
pub struct FakeTelegram {
    server: Loopback,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

/// How the double differs from Telegram's own server.
#[derive(Debug, Clone)]
pub struct TelegramOptions {
    /// Takes webhooks of http, of any port and of any address, such as that of code under test on
    /// loopback. Off by default.
    pub allow_any_webhook_url: bool,
    /// Answers 429 to a second `setWebhook` within one [`second`](Self::second), as Telegram
    /// does. Off by default.
    pub limit_set_webhook: bool,
    /// How long a second of the server lasts for redeliveries and for
    /// [`limit_set_webhook`](Self::limit_set_webhook). 20 ms by default.
    pub second: Duration,
    /// How often an update is tried before it is given up. Telegram tries for 24 hours; 50 by
    /// default, which is about a minute.
    pub deliveries: u32,
}

impl Default for TelegramOptions {
    fn default() -> Self {
        Self {
            allow_any_webhook_url: false,
            limit_set_webhook: false,
            second: Duration::from_millis(20),
            deliveries: 50,
        }
    }
}

/// A message that Telegram took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SentMessage {
    /// The bot, which is the number before the colon of its token.
    pub bot_id: i64,
    /// The method that sent it, such as `sendMessage`.
    pub method: String,
    /// Where it went.
    pub chat_id: i64,
    /// Its id.
    pub message_id: i64,
    /// The parameters, without files. What did not come as JSON is text.
    pub body: Value,
    /// The file, if it has one.
    pub file: Option<SentFile>,
}

/// The file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentFile {
    /// Its id, which `getFile` takes.
    pub file_id: String,
    /// The name it was sent with.
    pub name: String,
    /// The type it was sent with.
    pub mime_type: String,
    /// Length in bytes.
    pub size: usize,
}

/// The webhook of a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookInfo {
    /// Where updates go.
    pub url: String,
    /// What comes with them in `X-Telegram-Bot-Api-Secret-Token`.
    pub secret_token: Option<String>,
    /// How many are delivered at the same time at most.
    pub max_connections: u32,
    /// The kinds asked for; none means the usual ones.
    pub allowed_updates: Option<Vec<String>>,
    /// Updates that have not been acknowledged.
    pub pending_update_count: usize,
    /// How the last failed delivery failed.
    pub last_error_message: Option<String>,
}

/// An attempt to deliver an update to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The bot.
    pub bot_id: i64,
    /// The update.
    pub update_id: i64,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The HTTP status of the answer; none when there was no answer.
    pub status: Option<u16>,
}

#[derive(Debug)]
struct Shared {
    options: TelegramOptions,
    client: reqwest::Client,
    /// The bots by their tokens.
    bots: Mutex<HashMap<String, Arc<Bot>>>,
    sent: Recorder<SentMessage>,
    deliveries: Arc<Recorder<Delivery>>,
    next_sends: Mutex<VecDeque<TelegramFailure>>,
    stop: CancellationToken,
}

/// The id of the bot that `token` belongs to, or none when it does not look like a token:
/// `123456:letters-and-digits`.
pub fn bot_id(token: &str) -> Option<i64> {
    let (id, secret) = token.split_once(':')?;
    let plain = secret
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let positive = id.parse().ok().filter(|id: &i64| *id > 0);
    positive.filter(|_| plain && !secret.is_empty() && !id.starts_with(['0', '+']))
}

impl FakeTelegram {
    /// Starts on a free port of 127.0.0.1 with the default options.
    ///
    /// # Panics
    /// When no port can be had: no test can go on without its double.
    pub async fn start() -> Self {
        Self::start_with(TelegramOptions::default()).await
    }

    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be had: no test can go on without its double.
    pub async fn start_with(options: TelegramOptions) -> Self {
        match Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).await {
            Ok(fake) => fake,
            Err(error) => panic!("the double of Telegram cannot listen: {error}"),
        }
    }

    /// Starts on `address`. The error is that of binding it.
    pub async fn start_on(address: SocketAddr, options: TelegramOptions) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            options,
            client: pump::client().map_err(io::Error::other)?,
            bots: Mutex::default(),
            sent: Recorder::new(),
            deliveries: Arc::new(Recorder::new()),
            next_sends: Mutex::default(),
            stop: stop.clone(),
        });
        let server = Loopback::serve(address, routes::router(shared.clone())).await?;
        Ok(Self {
            server,
            shared,
            _stop: stop.drop_guard(),
        })
    }

    /// What stands for `https://api.telegram.org`, without a slash at the end.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Makes the bot of `token` exist.
    ///
    /// # Panics
    /// When [`bot_id`] does not recognise the token: Telegram would not know it either.
    pub fn register_bot(&self, token: &str) {
        let Some(id) = bot_id(token) else {
            panic!("'{token}' does not look like a bot's token")
        };
        lock(&self.shared.bots).insert(token.to_owned(), Arc::new(Bot::new(id)));
    }

    /// Ends a token, as when its owner has a new one made: every call answers 401.
    pub fn revoke_bot(&self, token: &str) {
        if let Some(bot) = lock(&self.shared.bots).remove(token) {
            bot.state().hook = None;
        }
    }

    /// The messages taken so far, oldest first, the latest 100,000 at most.
    pub fn sent(&self) -> Vec<SentMessage> {
        self.shared.sent.all()
    }

    /// Waits until `count` messages have been taken in all. After `deadline` the error says how
    /// many there were.
    pub async fn wait_for_sent(
        &self,
        count: usize,
        deadline: Duration,
    ) -> Result<Vec<SentMessage>> {
        let sent = self.shared.sent.wait_for(count, deadline).await;
        sent.map_err(|seen| anyhow!("{seen} of {count} messages sent after {deadline:?}"))
    }

    /// Makes one message that would be taken fail instead. Failures queue up, one for each message.
    pub fn fail_next(&self, failure: TelegramFailure) {
        lock(&self.shared.next_sends).push_back(failure);
    }

    /// The webhook of a bot, if it has one.
    pub fn webhook(&self, token: &str) -> Option<WebhookInfo> {
        let bot = self.bot(token).ok()?;
        let state = bot.state();
        let hook = state.hook.as_ref()?;
        Some(WebhookInfo {
            url: hook.url.clone(),
            secret_token: hook.secret_token.clone(),
            max_connections: hook.max_connections,
            allowed_updates: state.updates.allowed().map(<[String]>::to_vec),
            pending_update_count: state.updates.len(),
            last_error_message: hook.last_error().map(str::to_owned),
        })
    }

    /// Something has happened: `update` is an object with one field besides `update_id`, which is
    /// given when absent. It goes to the webhook, or waits for one or for `getUpdates`. Returns
    /// its id, or none when the bot has not asked for updates of this kind. The error is an
    /// unknown bot, an update of another shape, or 10,000 updates waiting already.
    pub fn push_update(&self, token: &str, update: Value) -> Result<Option<i64>> {
        let bot = self.bot(token)?;
        let pushed = {
            let mut state = bot.state();
            state.learn(&update);
            state.updates.push(update)
        };
        bot.ring();
        pushed
    }

    /// Waits until every update of the bot has been acknowledged. After `deadline` the error says
    /// how many have not.
    pub async fn wait_until_drained(&self, token: &str, deadline: Duration) -> Result<()> {
        let bot = self.bot(token)?;
        let mut changes = bot.changes.subscribe();
        let drained = changes.wait_for(|()| bot.state().updates.len() == 0);
        if tokio::time::timeout(deadline, drained).await.is_ok() {
            return Ok(());
        }
        let waiting = bot.state().updates.len();
        let last_error = self.webhook(token).and_then(|hook| hook.last_error_message);
        Err(anyhow!(
            "{waiting} updates wait after {deadline:?}; last error: {last_error:?}"
        ))
    }

    /// The attempts to deliver updates so far, in the order they ended.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.deliveries.all()
    }

    /// Waits until `count` attempts have ended in all, of all bots. After `deadline` the error says
    /// how many there were.
    pub async fn wait_for_deliveries(
        &self,
        count: usize,
        deadline: Duration,
    ) -> Result<Vec<Delivery>> {
        let ended = self.shared.deliveries.wait_for(count, deadline).await;
        ended.map_err(|seen| anyhow!("{seen} of {count} deliveries ended after {deadline:?}"))
    }

    /// Adds the bot to a chat that is not private; its id is negative.
    pub fn add_chat(&self, token: &str, chat_id: i64) -> Result<()> {
        self.bot(token)?.state().join(chat_id);
        Ok(())
    }

    /// Holds a document that a customer sent to the bot, and returns its `file_id`.
    pub fn add_file(&self, token: &str, name: &str, content: impl Into<Bytes>) -> Result<String> {
        let part = FilePart {
            name: name.to_owned(),
            mime_type: "application/octet-stream".to_owned(),
            content: content.into(),
        };
        let file = HeldFile::new(Kind::Document, &part);
        Ok(self.bot(token)?.state().files.hold(file))
    }

    /// Ends every path that `getFile` has given out, as Telegram does after an hour.
    pub fn expire_file_paths(&self, token: &str) -> Result<()> {
        self.bot(token)?.state().files.expire_paths();
        Ok(())
    }

    fn bot(&self, token: &str) -> Result<Arc<Bot>> {
        let bot = lock(&self.shared.bots).get(token).cloned();
        bot.context("no bot is registered with this token")
    }
}
