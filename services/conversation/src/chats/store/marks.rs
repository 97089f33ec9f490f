//! SQL on read marks.

use auth::{ChatId, MessageId, UserId};
use sqlx::PgConnection;

use crate::chats::{Chat, Mark};

/// Counts a message of a user, who need not read it.
pub(crate) async fn note_own_message(
    db: &mut PgConnection,
    chat: ChatId,
    user: UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO conversation.chat_read (chat_id, user_id, own_after) VALUES ($1, $2, 1)
         ON CONFLICT (chat_id, user_id) DO UPDATE SET own_after = chat_read.own_after + 1",
        chat.0,
        user.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Where the mark of somebody who has read a message of the chat goes: to the
/// message, or further to just before the first arrival that is shown after it.
pub(crate) async fn mark_at(
    db: &mut PgConnection,
    chat: &Chat,
    message: MessageId,
) -> Result<Option<Mark>, sqlx::Error> {
    sqlx::query_as!(
        Mark,
        r#"SELECT message.id AS "message: MessageId", GREATEST(message.seq, COALESCE((
                   SELECT min(later.seq) - 1 FROM conversation.message AS later
                   WHERE later.chat_id = $1
                     AND (later.ordered_at, later.provider_seq, later.id)
                       > (message.ordered_at, message.provider_seq, message.id)
               ), $3)) AS "seq!"
           FROM conversation.message WHERE message.id = $2 AND message.chat_id = $1"#,
        chat.id.0,
        message.0,
        chat.last_seq
    )
    .fetch_optional(db)
    .await
}

/// How far a user has read.
pub(crate) async fn read_up_to(
    db: &mut PgConnection,
    chat: ChatId,
    user: UserId,
) -> Result<i64, sqlx::Error> {
    let mark = sqlx::query_scalar!(
        "SELECT seq FROM conversation.chat_read WHERE chat_id = $1 AND user_id = $2",
        chat.0,
        user.0
    )
    .fetch_optional(db)
    .await?;
    Ok(mark.unwrap_or(0))
}

/// Moves the mark of a user.
pub(crate) async fn set_read(
    db: &mut PgConnection,
    chat: ChatId,
    user: UserId,
    seq: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO conversation.chat_read (chat_id, user_id, seq, own_after)
         VALUES ($1, $2, $3, (
             SELECT count(*) FROM conversation.message
             WHERE chat_id = $1 AND seq > $3 AND sender_user_id = $2
         ))
         ON CONFLICT (chat_id, user_id) DO UPDATE SET
             seq = excluded.seq, own_after = excluded.own_after
         WHERE excluded.seq > chat_read.seq",
        chat.0,
        user.0,
        seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The provider's id of the newest message of the guest between two places.
pub(crate) async fn newest_inbound(
    db: &mut PgConnection,
    chat: ChatId,
    after: i64,
    up_to: i64,
) -> Result<Option<String>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        "SELECT provider_id FROM conversation.message
         WHERE chat_id = $1 AND seq > $2 AND seq <= $3 AND direction = 'inbound'
           AND provider_id IS NOT NULL
         ORDER BY ordered_at DESC, provider_seq DESC, id DESC LIMIT 1",
        chat.0,
        after,
        up_to
    )
    .fetch_optional(db)
    .await?;
    Ok(found.flatten())
}
