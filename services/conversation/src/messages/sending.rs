//! Writing: into a chat, or to somebody on a channel. What is answered is
//! stored, and what has a channel is asked to be sent in the same transaction.

use auth::{ChannelId, ChatId, CompanyId, GuestId, MessageId, UserId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Draft, Message, append, store};
use crate::{
    agents,
    chats::{self, Chat, Line, Opener, Viewer, Writer},
    error::Error,
    events as announce,
    guests::{self, Identity, Name, Sighting},
    wiring::Wiring,
};

/// The longest text of a message, in characters.
const LONGEST_TEXT: usize = 4096;

/// The longest idempotency key, in characters.
const LONGEST_KEY: usize = 180;

/// A text for a chat.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// The chat.
    pub(crate) chat: ChatId,
    /// The text.
    pub(crate) text: String,
}

/// Writes into a chat.
pub(crate) async fn send(
    db: &mut PgConnection,
    wiring: &Wiring,
    viewer: &Viewer,
    outgoing: &Outgoing,
) -> Result<Message, Error> {
    check_text(&outgoing.text)?;
    let now = wiring.clock.now();
    let mut chat = chats::visible_locked(db, viewer, outgoing.chat).await?;
    if !chat.open {
        return Err(Error::ChatClosed);
    }
    chat.check_window(now)?;
    let writer = Writer::of(viewer, &chat);
    chats::note_writer(db, &wiring.outbox, &mut chat, writer, now).await?;
    let draft = Draft {
        text: outgoing.text.clone(),
        ..Draft::of_user(&chat, viewer.id, &viewer.name, now)
    };
    let message = append(db, &wiring.outbox, &mut chat, &draft, now).await?;
    request_sending(db, wiring, &chat, &message, now).await?;
    Ok(message)
}

/// A text or file for somebody on a channel.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The company of the channel.
    pub(crate) company: CompanyId,
    /// The channel.
    pub(crate) channel: ChannelId,
    /// Its documented type.
    pub(crate) channel_type: String,
    /// To whom.
    pub(crate) recipient: Identity,
    /// Binds the message to a guest; may be empty.
    pub(crate) guest_token: String,
    /// Who writes.
    pub(crate) sender: UserId,
    /// The text, or the caption when there is a file.
    pub(crate) text: String,
    /// A stored file of the connector; may be empty.
    pub(crate) media_filename: String,
    /// What the connector calls this message, so that asking again answers the
    /// first result; may be empty.
    pub(crate) key: String,
}

/// Writes to somebody on a channel, finding or opening the chat.
pub(crate) async fn start(
    db: &mut PgConnection,
    wiring: &Wiring,
    start: &Start,
) -> Result<Message, Error> {
    if start.media_filename.is_empty() || !start.text.is_empty() {
        check_text(&start.text)?;
    }
    let key = check_key(&start.key)?;
    let now = wiring.clock.now();
    let sender = agents::sender(db, start.company, start.sender)
        .await?
        .ok_or_else(|| {
            Error::field(
                "id_user",
                "NOT_REGISTERED",
                "there is no such active user of the company",
            )
        })?;
    let guest = recipient(db, wiring, start, now).await?;
    if let Some(key) = key
        && let Some(known) = store::by_start_key(db, start.channel, key).await?
    {
        return repeated_start(db, known, start, guest).await;
    }
    let line = Line {
        company: start.company,
        channel: start.channel,
        channel_type: &start.channel_type,
        guest,
    };
    let opener = Opener::User(sender.clone());
    let mut chat = chats::open_for(db, &wiring.outbox, line, &opener, now).await?;
    chat.check_window(now)?;
    let writer = Writer {
        id: sender.id,
        name: &sender.name,
        serves: sender.serves(start.company),
    };
    chats::note_writer(db, &wiring.outbox, &mut chat, writer, now).await?;
    let draft = Draft {
        kind: kind_of(&start.media_filename).to_owned(),
        text: start.text.clone(),
        media_filename: start.media_filename.clone(),
        start_key: key.map(str::to_owned),
        ..Draft::of_user(&chat, sender.id, &sender.name, now)
    };
    let message = append(db, &wiring.outbox, &mut chat, &draft, now).await?;
    request_sending(db, wiring, &chat, &message, now).await?;
    Ok(message)
}

async fn recipient(
    db: &mut PgConnection,
    wiring: &Wiring,
    start: &Start,
    now: OffsetDateTime,
) -> Result<GuestId, Error> {
    let (rank, text) = start.recipient.as_name();
    let identities = std::slice::from_ref(&start.recipient);
    let sighting = Sighting {
        company: start.company,
        channel: start.channel,
        identities,
        name: Name {
            text,
            rank,
            at: OffsetDateTime::UNIX_EPOCH,
        },
        // Writing to somebody is no sign that the provider knows this form.
        at: OffsetDateTime::UNIX_EPOCH,
    };
    guests::resolve_recipient(db, &wiring.tokens, &start.guest_token, &sighting, now).await
}

/// The stored message of a key, if it is the same one.
async fn repeated_start(
    db: &mut PgConnection,
    known: MessageId,
    start: &Start,
    guest: GuestId,
) -> Result<Message, Error> {
    let to = chats::guest_of_message(db, known).await?;
    let known = store::find(db, known).await?.ok_or(Error::MessageUnknown)?;
    let same = known.text == start.text
        && known.media_filename == start.media_filename
        && to == Some(guest);
    if same {
        Ok(known)
    } else {
        Err(Error::IdempotencyConflict)
    }
}

/// Asks the connector to send a message of a chat that has a channel.
async fn request_sending(
    db: &mut PgConnection,
    wiring: &Wiring,
    chat: &Chat,
    message: &Message,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let (Some(channel), Some(guest)) = (chat.channel, chat.guest) else {
        return Ok(());
    };
    let recipient = guests::address_on(db, guest, channel, &chat.channel_type)
        .await?
        .ok_or(Error::Unreachable)?;
    announce::outbound_requested(db, &wiring.outbox, now, message, channel, &recipient).await?;
    Ok(())
}

fn check_text(text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::field("message", "REQUIRED", "a text is needed"));
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(Error::field(
            "message",
            "TOO_LONG",
            format!("a text has at most {LONGEST_TEXT} characters"),
        ));
    }
    Ok(())
}

/// The key, if there is one.
fn check_key(key: &str) -> Result<Option<&str>, Error> {
    if key.len() > LONGEST_KEY || key.contains('\0') {
        return Err(Error::field(
            "idempotency_key",
            "INVALID",
            format!("an idempotency key has at most {LONGEST_KEY} bytes"),
        ));
    }
    Ok(Some(key).filter(|key| !key.is_empty()))
}

/// The kind of a stored file: the connector writes it before the first
/// underscore of the name.
fn kind_of(media_filename: &str) -> &'static str {
    if media_filename.is_empty() {
        return "text";
    }
    match media_filename.split('_').next() {
        Some("photo" | "image") => "image",
        Some("audio" | "voice") => "audio",
        Some("video") => "video",
        Some("sticker") => "sticker",
        _ => "document",
    }
}
