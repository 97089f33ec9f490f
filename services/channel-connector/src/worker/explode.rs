//! The events of a stored body.

use std::sync::Arc;

use proto::conversation::v1::{GuestIdentity, IdentityKind, InboundMessage, InboundStatus};
use uuid::Uuid;

use super::{attachment::Attachment, meta, store::Body, telegram};
use crate::{
    error::Result,
    inbox::{Inbox, Key, Known},
};

/// Event keys are this long at most, in bytes.
const LONGEST_KEY: usize = 600;

/// Names of guests and their identities are this long at most, in characters.
pub(super) const LONGEST_NAME: usize = 191;

/// The longest text that is passed on, in characters; no provider takes more.
const LONGEST_TEXT: usize = 65_536;

/// What a body holds.
pub(super) enum Found {
    /// Its events, perhaps none, and how many things in it are not for us.
    Events {
        /// In the order of the provider.
        events: Vec<Event>,
        /// What was understood and is not passed on, or not understood.
        ignored: usize,
    },
    /// Nothing can be made of it, ever.
    Unreadable(String),
}

/// One thing a provider reported.
pub(super) struct Event {
    pub(super) channel: Arc<Known>,
    pub(super) ext_key: String,
    /// The sender, or whoever else orders the event among others.
    pub(super) sender: String,
    /// Seconds since 1970, when the provider says so.
    pub(super) at: Option<i64>,
    /// Its place among events of the same time.
    pub(super) place: i64,
    pub(super) content: Content,
    /// The file it names, which has to be fetched.
    pub(super) attachment: Option<Attachment>,
}

/// What happened.
pub(super) enum Content {
    Message(Box<InboundMessage>),
    Status {
        news: Box<InboundStatus>,
        /// The id of ours that the provider repeats.
        outbound: Option<Uuid>,
    },
}

/// Finds the events of a body for the channels it is genuine for and that are on.
pub(super) async fn explode(inbox: &Inbox, body: &Body) -> Result<Found> {
    match body.source.as_str() {
        "telegram" => {
            let Some(channel) = body.verified_channels.first() else {
                return Ok(Found::Unreadable("no channel has verified it".into()));
            };
            let known = inbox.look_up(Key::Route(channel.to_string())).await?;
            Ok(match known.first() {
                Some(known) if known.active => telegram::events(known, &body.content),
                _ => nothing(),
            })
        }
        _ => explode_meta(inbox, body).await,
    }
}

async fn explode_meta(inbox: &Inbox, body: &Body) -> Result<Found> {
    let webhook = match meta::read(&body.content) {
        Ok(webhook) => webhook,
        Err(error) => return Ok(Found::Unreadable(error.to_string())),
    };
    let known = inbox.look_up_accounts(&meta::accounts(&webhook)).await?;
    // Verified when it came in, perhaps by a secret that was changed since; or verified now,
    // because there were too many accounts to look up, or none of them was connected.
    let genuine: Vec<Arc<Known>> = known
        .into_iter()
        .filter(|known| {
            body.verified_channels.contains(&known.id.0)
                || known.is_genuine(&body.content, &body.signature)
        })
        .collect();
    if genuine.is_empty() && body.verified_channels.is_empty() {
        return Ok(Found::Unreadable(
            "no channel verifies its signature".into(),
        ));
    }
    Ok(meta::events(&webhook, &genuine, body.id))
}

fn nothing() -> Found {
    Found::Events {
        events: Vec::new(),
        ignored: 1,
    }
}

/// The key of an event, made short enough when a provider's id is not.
pub(super) fn key(prefix: &str, id: &str) -> String {
    let whole = format!("{prefix}:{id}");
    if whole.len() <= LONGEST_KEY {
        return whole;
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, whole.as_bytes());
    format!("{prefix}:sha256:{}", hex::encode(digest))
}

/// The identities that have a value.
pub(super) fn identities(named: &[(IdentityKind, &str)]) -> Vec<GuestIdentity> {
    named
        .iter()
        .filter(|(_, value)| (1..=LONGEST_NAME).contains(&value.chars().count()))
        .map(|(kind, value)| GuestIdentity {
            kind: (*kind).into(),
            value: (*value).to_owned(),
        })
        .collect()
}

/// A text that is not too long.
pub(super) fn words(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
    }
    text
}

/// A display name that is not too long.
pub(super) fn name(text: &str) -> String {
    text.trim().chars().take(LONGEST_NAME).collect()
}
