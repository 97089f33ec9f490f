//! All SQL on messages.

use auth::{ChannelId, ChatId, CompanyId, MessageId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Direction, Draft, Message};
use crate::{chats::Chat, delivery::Status};

/// Adds a message in its place.
pub(super) async fn insert(
    db: &mut PgConnection,
    chat: &Chat,
    seq: i64,
    draft: &Draft,
    now: OffsetDateTime,
) -> Result<MessageId, sqlx::Error> {
    let (sender, sender_name) = match &draft.sender {
        Some((user, name)) => (Some(user.0), name.as_str()),
        None => (None, ""),
    };
    sqlx::query_scalar!(
        r#"INSERT INTO conversation.message
               (company_id, chat_id, channel_id, seq, direction, kind, text, media_filename,
                reply_to_provider_id, sender_user_id, sender_name, status, provider_id,
                provider_ts, provider_seq, ordered_at, received_at, created_at, external_key,
                start_key)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                   $18, $19, $20)
           RETURNING id AS "id: MessageId""#,
        chat.company.0,
        chat.id.0,
        chat.channel.map(|channel| channel.0),
        seq,
        draft.direction as Direction,
        draft.kind,
        draft.text,
        draft.media_filename,
        draft.reply_to_provider_id,
        sender,
        sender_name,
        draft.status as Status,
        draft.provider_id,
        draft.provider_time,
        draft.provider_seq,
        draft.ordered_at,
        draft.received_at,
        now,
        draft.external_key,
        draft.start_key
    )
    .fetch_one(db)
    .await
}

/// The messages of a chat that are shown last, the last one first.
pub(super) async fn newest(
    db: &mut PgConnection,
    chat: ChatId,
    before: Option<MessageId>,
    limit: i64,
) -> Result<Vec<Message>, sqlx::Error> {
    sqlx::query_as!(
        Message,
        r#"SELECT message.id AS "id: MessageId", message.chat_id AS "chat: ChatId",
               message.company_id AS "company: CompanyId",
               message.channel_id AS "channel: ChannelId", message.seq,
               message.direction AS "direction: Direction", message.kind, message.text,
               CASE message.direction WHEN 'inbound' THEN COALESCE(chat.guest_id, 0)
                   ELSE COALESCE(message.sender_user_id, 0) END AS "sender!",
               CASE message.direction WHEN 'inbound' THEN COALESCE(guest.name, '')
                   ELSE message.sender_name END AS "sender_name!",
               message.status AS "status: Status",
               COALESCE(message.provider_id, '') AS "provider_id!",
               message.provider_ts AS provider_time, message.created_at, message.media_filename
           FROM conversation.message
           JOIN conversation.chat ON chat.id = message.chat_id
           LEFT JOIN conversation.guest ON guest.id = chat.guest_id
           WHERE message.chat_id = $1 AND ($2::bigint IS NULL
               OR (message.ordered_at, message.provider_seq, message.id) < (
                   SELECT ordered_at, provider_seq, id FROM conversation.message WHERE id = $2
               ))
           ORDER BY message.ordered_at DESC, message.provider_seq DESC, message.id DESC
           LIMIT $3"#,
        chat.0,
        before.map(|before| before.0),
        limit
    )
    .fetch_all(db)
    .await
}

/// A message by its id.
pub(super) async fn find(
    db: &mut PgConnection,
    message: MessageId,
) -> Result<Option<Message>, sqlx::Error> {
    sqlx::query_as!(
        Message,
        r#"SELECT message.id AS "id: MessageId", message.chat_id AS "chat: ChatId",
               message.company_id AS "company: CompanyId",
               message.channel_id AS "channel: ChannelId", message.seq,
               message.direction AS "direction: Direction", message.kind, message.text,
               CASE message.direction WHEN 'inbound' THEN COALESCE(chat.guest_id, 0)
                   ELSE COALESCE(message.sender_user_id, 0) END AS "sender!",
               CASE message.direction WHEN 'inbound' THEN COALESCE(guest.name, '')
                   ELSE message.sender_name END AS "sender_name!",
               message.status AS "status: Status",
               COALESCE(message.provider_id, '') AS "provider_id!",
               message.provider_ts AS provider_time, message.created_at, message.media_filename
           FROM conversation.message
           JOIN conversation.chat ON chat.id = message.chat_id
           LEFT JOIN conversation.guest ON guest.id = chat.guest_id
           WHERE message.id = $1"#,
        message.0
    )
    .fetch_optional(db)
    .await
}

/// Says whether a message is in a chat.
pub(super) async fn is_in(
    db: &mut PgConnection,
    chat: ChatId,
    message: MessageId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM conversation.message WHERE id = $1 AND chat_id = $2
           ) AS "exists!""#,
        message.0,
        chat.0
    )
    .fetch_one(db)
    .await
}

/// The message of an idempotency key of a channel.
pub(super) async fn by_start_key(
    db: &mut PgConnection,
    channel: ChannelId,
    key: &str,
) -> Result<Option<MessageId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: MessageId" FROM conversation.message
           WHERE channel_id = $1 AND start_key = $2"#,
        channel.0,
        key
    )
    .fetch_optional(db)
    .await
}

/// The message that an event of a provider brought, and its chat.
pub(crate) async fn by_external_key(
    db: &mut PgConnection,
    channel: ChannelId,
    key: &str,
) -> Result<Option<(ChatId, MessageId)>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT id AS "id: MessageId", chat_id AS "chat: ChatId" FROM conversation.message
           WHERE channel_id = $1 AND external_key = $2"#,
        channel.0,
        key
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|row| (row.chat, row.id)))
}

/// The message of a chat that the provider calls so.
pub(crate) async fn by_provider_id(
    db: &mut PgConnection,
    chat: ChatId,
    provider_id: &str,
) -> Result<Option<MessageId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: MessageId" FROM conversation.message
           WHERE chat_id = $1 AND provider_id = $2"#,
        chat.0,
        provider_id
    )
    .fetch_optional(db)
    .await
}

/// What news of a message needs to know about it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The message.
    pub(crate) id: MessageId,
    /// Its chat.
    pub(crate) chat: ChatId,
    /// Its company.
    pub(crate) company: CompanyId,
    /// Its channel.
    pub(crate) channel: ChannelId,
    /// The provider's id, when it is known.
    pub(crate) provider_id: Option<String>,
    /// The agent who has the chat, or 0.
    pub(crate) assigned: i64,
}

/// An outbound message, locked.
pub(crate) async fn locked_by_id(
    db: &mut PgConnection,
    message: MessageId,
) -> Result<Option<Sent>, sqlx::Error> {
    sqlx::query_as!(
        Sent,
        r#"SELECT message.id AS "id: MessageId", message.chat_id AS "chat: ChatId",
               message.company_id AS "company: CompanyId",
               message.channel_id AS "channel!: ChannelId", message.provider_id, COALESCE((
                   SELECT assigned_user_id FROM conversation.chat WHERE id = message.chat_id
               ), 0) AS "assigned!"
           FROM conversation.message
           WHERE message.id = $1 AND message.direction = 'outbound' FOR UPDATE"#,
        message.0
    )
    .fetch_optional(db)
    .await
}

/// The outbound message of a channel that the provider calls so, locked.
pub(crate) async fn locked_by_provider_id(
    db: &mut PgConnection,
    channel: ChannelId,
    provider_id: &str,
) -> Result<Option<Sent>, sqlx::Error> {
    sqlx::query_as!(
        Sent,
        r#"SELECT message.id AS "id: MessageId", message.chat_id AS "chat: ChatId",
               message.company_id AS "company: CompanyId",
               message.channel_id AS "channel!: ChannelId", message.provider_id, COALESCE((
                   SELECT assigned_user_id FROM conversation.chat WHERE id = message.chat_id
               ), 0) AS "assigned!"
           FROM conversation.message
           WHERE message.channel_id = $1 AND message.provider_id = $2
             AND message.direction = 'outbound'
           ORDER BY message.id DESC LIMIT 1 FOR UPDATE"#,
        channel.0,
        provider_id
    )
    .fetch_optional(db)
    .await
}

/// Notes what the provider calls a message, unless that is known or another
/// message of the chat is called so.
pub(crate) async fn set_provider_id(
    db: &mut PgConnection,
    message: MessageId,
    provider_id: &str,
) -> Result<bool, sqlx::Error> {
    let set = sqlx::query!(
        "UPDATE conversation.message SET provider_id = $2
         WHERE id = $1 AND provider_id IS NULL AND NOT EXISTS (
             SELECT FROM conversation.message AS other
             WHERE other.chat_id = message.chat_id AND other.provider_id = $2
         )",
        message.0,
        provider_id
    )
    .execute(db)
    .await?;
    Ok(set.rows_affected() == 1)
}

/// Stores how far a message has come; a failure with its reason.
pub(crate) async fn set_status(
    db: &mut PgConnection,
    message: MessageId,
    status: Status,
    error_code: &str,
    error: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.message SET status = $2, error_code = $3, error = $4 WHERE id = $1",
        message.0,
        status as Status,
        error_code,
        error
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The message of a guest that an event of a provider brought.
pub(crate) async fn inbound_of_event(
    db: &mut PgConnection,
    company: CompanyId,
    channel: ChannelId,
    key: &str,
) -> Result<Option<Sent>, sqlx::Error> {
    sqlx::query_as!(
        Sent,
        r#"SELECT message.id AS "id: MessageId", message.chat_id AS "chat: ChatId",
               message.company_id AS "company: CompanyId",
               message.channel_id AS "channel!: ChannelId", message.provider_id, COALESCE((
                   SELECT assigned_user_id FROM conversation.chat WHERE id = message.chat_id
               ), 0) AS "assigned!"
           FROM conversation.message
           WHERE message.channel_id = $1 AND message.external_key = $2
             AND message.company_id = $3 AND message.direction = 'inbound'"#,
        channel.0,
        key,
        company.0
    )
    .fetch_optional(db)
    .await
}

/// Gives a message its file; false when it has one.
pub(crate) async fn set_media(
    db: &mut PgConnection,
    message: MessageId,
    filename: &str,
) -> Result<bool, sqlx::Error> {
    let set = sqlx::query!(
        "UPDATE conversation.message SET media_filename = $2
         WHERE id = $1 AND media_filename = ''",
        message.0,
        filename
    )
    .execute(db)
    .await?;
    Ok(set.rows_affected() == 1)
}
