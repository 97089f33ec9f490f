//! Read marks: they move forward, and the provider is told once.

use auth::{ChatId, MessageId};
use events::Outbox;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Viewer, store::marks, visible_locked};
use crate::{error::Error, events as announce};

/// Everything up to a message is read by the user. Messages that arrived late
/// and are shown above it count as read, too.
pub(crate) async fn mark_read(
    db: &mut PgConnection,
    outbox: &Outbox,
    viewer: &Viewer,
    chat: ChatId,
    message: MessageId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let chat = visible_locked(db, viewer, chat).await?;
    let mark = marks::mark_at(db, &chat, message)
        .await?
        .ok_or_else(|| Error::field("id_message", "NOT_REGISTERED", "there is no such message"))?;
    let before = marks::read_up_to(db, chat.id, viewer.id).await?;
    if mark.seq <= before {
        return Ok(());
    }
    marks::set_read(db, chat.id, viewer.id, mark.seq).await?;
    let newest = marks::newest_inbound(db, chat.id, before, mark.seq).await?;
    announce::message_read(db, outbox, now, &chat, viewer.id, mark.message, newest).await?;
    Ok(())
}
