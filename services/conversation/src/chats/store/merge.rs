//! SQL for the rare case that two guests turn out to be one.

use auth::{ChatId, GuestId};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Moves everything of one chat into another and closes it. The moved messages
/// get the places after those of the other.
pub(crate) async fn absorb(
    db: &mut PgConnection,
    kept: ChatId,
    gone: ChatId,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let places = sqlx::query!(
        "SELECT last_seq FROM conversation.chat WHERE id IN ($1, $2) ORDER BY id FOR UPDATE",
        kept.0,
        gone.0
    )
    .fetch_all(&mut *db)
    .await?;
    let already = places.first().map_or(0, |chat| chat.last_seq);
    move_marks(db, kept, gone, already).await?;
    move_messages(db, kept, gone, already).await?;
    count_own(db, kept).await?;
    sqlx::query!(
        "INSERT INTO conversation.participant (chat_id, user_id, name, joined_at)
         SELECT $1, user_id, name, joined_at FROM conversation.participant WHERE chat_id = $2
         ON CONFLICT DO NOTHING",
        kept.0,
        gone.0
    )
    .execute(&mut *db)
    .await?;
    join_heads(db, kept, gone).await?;
    sqlx::query!(
        "UPDATE conversation.chat SET
             state = 'closed', closed_at = COALESCE(closed_at, $3), merged_into_id = $1
         WHERE id = $2 OR merged_into_id = $2",
        kept.0,
        gone.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who has read all of the kept chat has read the moved messages as far as
/// before; who has not, goes on where the mark is.
async fn move_marks(
    db: &mut PgConnection,
    kept: ChatId,
    gone: ChatId,
    already: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO conversation.chat_read (chat_id, user_id)
         SELECT $1, user_id FROM conversation.chat_read WHERE chat_id = $2
         ON CONFLICT DO NOTHING",
        kept.0,
        gone.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE conversation.chat_read AS mark SET seq = mark.seq + other.seq
         FROM conversation.chat_read AS other
         WHERE mark.chat_id = $1 AND other.chat_id = $2 AND other.user_id = mark.user_id
           AND mark.seq = $3",
        kept.0,
        gone.0,
        already
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn move_messages(
    db: &mut PgConnection,
    kept: ChatId,
    gone: ChatId,
    already: i64,
) -> Result<(), sqlx::Error> {
    // Ids of the provider are unique in a chat; where both chats have one, the kept
    // chat's is the one that counts.
    sqlx::query!(
        "UPDATE conversation.message AS moved SET
             chat_id = $1, seq = moved.seq + $3,
             provider_id = CASE WHEN EXISTS (
                 SELECT FROM conversation.message AS other
                 WHERE other.chat_id = $1 AND other.provider_id = moved.provider_id
             ) THEN NULL ELSE moved.provider_id END
         WHERE moved.chat_id = $2",
        kept.0,
        gone.0,
        already
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Counts anew what the readers of a chat wrote beyond their marks.
async fn count_own(db: &mut PgConnection, chat: ChatId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.chat_read AS mark SET own_after = (
             SELECT count(*) FROM conversation.message
             WHERE message.chat_id = $1 AND message.seq > mark.seq
               AND message.sender_user_id = mark.user_id
         )
         WHERE mark.chat_id = $1",
        chat.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The kept chat shows the newest message of both, and keeps its agent if it has
/// one.
async fn join_heads(db: &mut PgConnection, kept: ChatId, gone: ChatId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.chat AS kept SET
             last_message_at = gone.last_message_at,
             last_message_provider_seq = gone.last_message_provider_seq,
             last_message_id = gone.last_message_id,
             last_message_text = gone.last_message_text
         FROM conversation.chat AS gone
         WHERE kept.id = $1 AND gone.id = $2
           AND (gone.last_message_at, gone.last_message_provider_seq, gone.last_message_id)
             > (kept.last_message_at, kept.last_message_provider_seq, kept.last_message_id)",
        kept.0,
        gone.0
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE conversation.chat AS kept SET
             last_seq = kept.last_seq + gone.last_seq,
             last_inbound_at = GREATEST(kept.last_inbound_at, gone.last_inbound_at),
             department_id = COALESCE(kept.department_id, gone.department_id),
             assigned_user_id = COALESCE(kept.assigned_user_id, gone.assigned_user_id)
         FROM conversation.chat AS gone
         WHERE kept.id = $1 AND gone.id = $2",
        kept.0,
        gone.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives what is left of the chats of one guest to another.
pub(crate) async fn hand_over(
    db: &mut PgConnection,
    kept: GuestId,
    gone: GuestId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.chat SET guest_id = $1 WHERE guest_id = $2",
        kept.0,
        gone.0
    )
    .execute(db)
    .await?;
    Ok(())
}
