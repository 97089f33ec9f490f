//! Messages: stored in the order of arrival, shown in the order of writing.

mod rpc;
mod sending;
mod store;

use auth::{ChannelId, ChatId, CompanyId, MessageId, UserId};
use events::Outbox;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

pub(crate) use rpc::{encode, time_of};
pub(crate) use sending::{Outgoing, Start, send, start};
pub(crate) use store::{
    Sent, by_external_key, by_provider_id, inbound_of_event, locked_by_id, locked_by_provider_id,
    set_media, set_provider_id, set_status,
};

use crate::{
    chats::{self, Chat, Viewer},
    delivery::Status,
    error::Error,
    events as announce,
};

/// How many messages a page has unless asked otherwise, and at most.
const DEFAULT_PAGE: u32 = 200;
const LARGEST_PAGE: u32 = 1000;

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum Direction {
    /// The guest.
    Inbound,
    /// Us, to the guest.
    Outbound,
    /// Us, among colleagues.
    Internal,
}

/// A message as stored.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) chat: ChatId,
    pub(crate) company: CompanyId,
    pub(crate) channel: Option<ChannelId>,
    pub(crate) seq: i64,
    pub(crate) direction: Direction,
    pub(crate) kind: String,
    pub(crate) text: String,
    /// The user, or the guest of an inbound message; 0 when a program wrote.
    pub(crate) sender: i64,
    pub(crate) sender_name: String,
    pub(crate) status: Status,
    pub(crate) provider_id: String,
    pub(crate) provider_time: Option<OffsetDateTime>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) media_filename: String,
}

/// A message to store.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) direction: Direction,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) media_filename: String,
    pub(crate) reply_to_provider_id: String,
    /// The user who writes, with the name of the moment.
    pub(crate) sender: Option<(UserId, String)>,
    pub(crate) status: Status,
    pub(crate) provider_id: Option<String>,
    pub(crate) provider_time: Option<OffsetDateTime>,
    pub(crate) provider_seq: i64,
    pub(crate) ordered_at: OffsetDateTime,
    pub(crate) received_at: OffsetDateTime,
    pub(crate) external_key: Option<String>,
    pub(crate) start_key: Option<String>,
}

impl Draft {
    /// A text of a user for a chat. It is never shown above what the chat holds
    /// already, whatever the clocks of providers say.
    pub(crate) fn of_user(chat: &Chat, user: UserId, name: &str, now: OffsetDateTime) -> Self {
        let (direction, status) = match chat.channel {
            Some(_) => (Direction::Outbound, Status::Queued),
            None => (Direction::Internal, Status::Sent),
        };
        Self {
            direction,
            kind: "text".into(),
            text: String::new(),
            media_filename: String::new(),
            reply_to_provider_id: String::new(),
            sender: Some((user, name.to_owned())),
            status,
            provider_id: None,
            provider_time: None,
            provider_seq: 0,
            ordered_at: now.max(chat.last_message_at.saturating_add(Duration::MICROSECOND)),
            received_at: now,
            external_key: None,
            start_key: None,
        }
    }
}

/// Stores a message in a locked chat and announces it.
pub(crate) async fn append(
    db: &mut PgConnection,
    outbox: &Outbox,
    chat: &mut Chat,
    draft: &Draft,
    now: OffsetDateTime,
) -> Result<Message, Error> {
    let seq = chat.last_seq + 1;
    let id = store::insert(db, chat, seq, draft, now).await?;
    let inbound_at = (draft.direction == Direction::Inbound).then_some(draft.ordered_at);
    chats::note_message(
        db,
        &chats::Newest {
            chat: chat.id,
            seq,
            message: id,
            ordered_at: draft.ordered_at,
            provider_seq: draft.provider_seq,
            text: &draft.text,
            inbound_at,
        },
    )
    .await?;
    if let Some((user, _)) = &draft.sender {
        chats::note_own_message(db, chat.id, *user).await?;
    }
    chat.last_seq = seq;
    let message = stored(chat, id, draft, now);
    let audience = chats::audience(db, chat).await?;
    announce::message_created(db, outbox, now, chat, &message, audience).await?;
    Ok(message)
}

fn stored(chat: &Chat, id: MessageId, draft: &Draft, now: OffsetDateTime) -> Message {
    let (sender, sender_name) = match &draft.sender {
        Some((user, name)) => (user.0, name.clone()),
        None if draft.direction == Direction::Inbound => {
            (chat.guest.map_or(0, |guest| guest.0), chat.name.clone())
        }
        None => (0, String::new()),
    };
    Message {
        id,
        chat: chat.id,
        company: chat.company,
        channel: chat.channel,
        seq: chat.last_seq,
        direction: draft.direction,
        kind: draft.kind.clone(),
        text: draft.text.clone(),
        sender,
        sender_name,
        status: draft.status,
        provider_id: draft.provider_id.clone().unwrap_or_default(),
        provider_time: draft.provider_time,
        created_at: now,
        media_filename: draft.media_filename.clone(),
    }
}

/// The newest messages of a chat the user sees, oldest first; those before
/// `before` when it is given.
pub(crate) async fn page(
    db: &mut PgConnection,
    viewer: &Viewer,
    chat: ChatId,
    before: Option<MessageId>,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    let chat = chats::visible(db, viewer, chat).await?;
    if let Some(before) = before
        && !store::is_in(db, chat.id, before).await?
    {
        return Err(Error::field(
            "before_id",
            "NOT_REGISTERED",
            "there is no such message in the chat",
        ));
    }
    let limit = match limit {
        0 => DEFAULT_PAGE,
        asked => asked.min(LARGEST_PAGE),
    };
    let mut messages = store::newest(db, chat.id, before, i64::from(limit)).await?;
    messages.reverse();
    Ok(messages)
}

/// Text without the character that PostgreSQL cannot store.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// A kind that clients know, or `unsupported`.
pub(crate) fn known_kind(kind: &str) -> &str {
    match kind {
        "text" | "image" | "audio" | "video" | "document" | "sticker" | "location" | "contacts"
        | "interactive" | "reaction" => kind,
        _ => "unsupported",
    }
}
