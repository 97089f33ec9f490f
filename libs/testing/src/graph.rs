//! A strict double of Meta's Graph API for WhatsApp Cloud.
//!
//! It refuses what Meta refuses, with Meta's codes and body shapes, so that a mistake in a request
//! shows in a test and not in production. It is an HTTP server on loopback: give its
//! [`base_url`](FakeGraph::base_url) to the code under test, in this process or another one.
//!
//! | request | rules |
//! |---|---|
//! | `POST /{version}/{phone_number_id}/messages` | a message, or `status: read`; see below |
//! | `POST /{version}/{phone_number_id}/media` | multipart with `messaging_product` and `file` of a type and size that Meta takes |
//! | `GET /{version}/{media_id}` | a link, which is good until [`expire_links`](FakeGraph::expire_links) |
//! | `GET` that link | needs the bearer token and a user agent |
//! | `GET /{version}/{phone_number_id}` | the number's fields, or those named in `fields` |
//! | `GET /_sent` | not Meta's: what was sent, as JSON |
//!
//! Every request of Meta's needs `Authorization: Bearer` with the token registered for the number
//! (else 401, code 190). A token of another registered number is refused the same way, where Meta
//! sometimes answers code 100, subcode 33 instead. A message needs `messaging_product`, exactly one
//! of `to` and `recipient`, and the object its `type` names, with the documented fields and lengths.
//!
//! Not modelled: tokens and parameters in the query or in forms, the 24-hour window, template
//! review, limits by time (script them with [`fail_next`](FakeGraph::fail_next)), the fetching of
//! links, and whether a file really is what its type says.

mod error;
mod media;
mod node;
mod routes;
mod rules;
mod wamid;
mod webhook;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use self::media::{MediaStore, Upload};
pub use self::{
    error::GraphFailure,
    media::StoredMedia,
    webhook::{
        change, envelope, media_message, message, message_status, sign, status_webhook,
        text_message, text_webhook, user_id_of,
    },
};
use crate::{
    loopback::Loopback,
    recorder::{Recorder, lock},
};

/// A running double; dropping it stops it and cuts its open connections.
#[derive(Debug)]
pub struct FakeGraph {
    server: Loopback,
    shared: Arc<Shared>,
}

/// A message that Meta took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SentMessage {
    /// The number it was sent from.
    pub phone_number_id: String,
    /// The `to` or `recipient` of the request, as it was given.
    pub to: String,
    /// The request.
    pub body: Value,
    /// The id it was given.
    pub wamid: String,
    /// Its `biz_opaque_callback_data`, which Meta repeats in every status of the message.
    pub opaque: Option<String>,
}

/// A message of the customer that was marked as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMark {
    /// The number it was sent to.
    pub phone_number_id: String,
    /// Its id.
    pub message_id: String,
    /// Whether the customer is shown that somebody is typing.
    pub typing: bool,
}

/// A request that broke a rule; scripted failures are not among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The number or media in the path.
    pub object_id: String,
    /// The HTTP status.
    pub status: u16,
    /// Meta's code.
    pub code: u32,
    /// What Meta says.
    pub message: String,
    /// What Meta adds to it.
    pub details: Option<String>,
    /// The request of a message, else null.
    pub body: Value,
}

#[derive(Debug)]
struct Shared {
    /// The token of every number by its id.
    tokens: Mutex<HashMap<String, String>>,
    media: MediaStore,
    sent: Recorder<SentMessage>,
    read: Recorder<ReadMark>,
    refused: Recorder<Refusal>,
    next_sends: Mutex<VecDeque<GraphFailure>>,
    next_media: Mutex<VecDeque<GraphFailure>>,
}

impl FakeGraph {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be had: no test can go on without its double.
    pub async fn start() -> Self {
        match Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await {
            Ok(fake) => fake,
            Err(error) => panic!("the double of Graph cannot listen: {error}"),
        }
    }

    /// Starts on `address`. The error is that of binding it.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            tokens: Mutex::default(),
            media: MediaStore::default(),
            sent: Recorder::new(),
            read: Recorder::new(),
            refused: Recorder::new(),
            next_sends: Mutex::default(),
            next_media: Mutex::default(),
        });
        let server = Loopback::serve(address, routes::router(shared.clone())).await?;
        Ok(Self { server, shared })
    }

    /// What stands for `https://graph.facebook.com`, without a slash at the end.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Makes `phone_number_id` exist, to be used with `token` alone. Doing it again replaces the
    /// token, as when somebody revokes it.
    pub fn register_number(&self, phone_number_id: &str, token: &str) {
        lock(&self.shared.tokens).insert(phone_number_id.to_owned(), token.to_owned());
    }

    /// The messages taken so far, oldest first, the latest 100,000 at most.
    pub fn sent(&self) -> Vec<SentMessage> {
        self.shared.sent.all()
    }

    /// Waits until `count` messages have been taken in all. After `deadline` the error says how
    /// many there were and what was refused last.
    pub async fn wait_for_sent(
        &self,
        count: usize,
        deadline: Duration,
    ) -> Result<Vec<SentMessage>> {
        self.shared
            .sent
            .wait_for(count, deadline)
            .await
            .map_err(|seen| {
                let refusal = self.shared.refused.last();
                anyhow!(
                    "{seen} of {count} messages sent after {deadline:?}; refused last: {refusal:?}"
                )
            })
    }

    /// The messages marked as read so far, oldest first.
    pub fn read(&self) -> Vec<ReadMark> {
        self.shared.read.all()
    }

    /// The requests that broke a rule so far, oldest first.
    pub fn refused(&self) -> Vec<Refusal> {
        self.shared.refused.all()
    }

    /// Makes one message that would be taken fail instead. Failures queue up, one for each message.
    pub fn fail_next(&self, failure: GraphFailure) {
        lock(&self.shared.next_sends).push_back(failure);
    }

    /// The same for uploads, for links asked for and for downloads.
    pub fn fail_next_media(&self, failure: GraphFailure) {
        lock(&self.shared.next_media).push_back(failure);
    }

    /// Holds a file that a customer sent to `phone_number_id`, for a [`media_message`].
    pub fn store_media(
        &self,
        phone_number_id: &str,
        mime_type: &str,
        content: impl Into<Bytes>,
    ) -> StoredMedia {
        let upload = Upload {
            mime_type: mime_type.to_owned(),
            content: content.into(),
        };
        self.shared.media.store(phone_number_id, upload)
    }

    /// The content of a media, uploaded or stored.
    pub fn media_content(&self, media_id: &str) -> Option<Bytes> {
        self.shared.media.find(media_id).map(|held| held.content)
    }

    /// Ends every download link given out, as Meta does after five minutes.
    pub fn expire_links(&self) {
        self.shared.media.expire_links();
    }

    /// Deletes a media, as Meta does after 7 days with received ones and 30 with uploaded ones.
    pub fn forget_media(&self, media_id: &str) {
        self.shared.media.forget(media_id);
    }
}
