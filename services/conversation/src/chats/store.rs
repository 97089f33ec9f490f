//! All SQL on chats and participants; that on pages of them, on read marks and on
//! merging is in the files beside it.

pub(super) mod marks;
pub(super) mod merge;
pub(super) mod pages;

use auth::{ChannelId, ChatId, CompanyId, DepartmentId, GuestId, MessageId, UserId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Chat, Line, Member, Viewer};
use crate::agents::{Agent, Route};

/// How many chats [`pages::list`] has on all pages.
pub(super) async fn count(
    db: &mut PgConnection,
    viewer: &Viewer,
    name: &str,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
           FROM conversation.visible_chats($1, $2, $3, $4) AS chat
           LEFT JOIN conversation.guest ON guest.id = chat.guest_id
           LEFT JOIN conversation.agent ON agent.user_id = chat.assigned_user_id
           WHERE $5 = '' OR strpos(lower(agent.name), lower($5)) > 0
              OR strpos(
                  lower(COALESCE(guest.name, conversation.colleagues(chat.id, $2))), lower($5)
              ) > 0"#,
        viewer.scope.confine(),
        viewer.id.0,
        viewer.role.number(),
        viewer.department.map(|department| department.0),
        name
    )
    .fetch_one(db)
    .await
}

/// A chat the user sees; one that went into another is that other.
pub(super) async fn visible(
    db: &mut PgConnection,
    viewer: &Viewer,
    chat: ChatId,
) -> Result<Option<Chat>, sqlx::Error> {
    sqlx::query_as!(
        Chat,
        r#"SELECT chat.id AS "id!: ChatId", chat.company_id AS "company!: CompanyId",
               chat.channel_id AS "channel: ChannelId", chat.channel_type AS "channel_type!",
               chat.guest_id AS "guest: GuestId", chat.department_id AS "department: DepartmentId",
               chat.assigned_user_id AS "assigned: UserId", chat.state = 'open' AS "open!",
               chat.last_seq AS "last_seq!", chat.last_message_at AS "last_message_at!",
               chat.last_inbound_at,
               COALESCE(guest.name, conversation.colleagues(chat.id, $2)) AS "name!"
           FROM conversation.visible_chats($1, $2, $3, $4) AS chat
           LEFT JOIN conversation.guest ON guest.id = chat.guest_id
           WHERE chat.id = (
               SELECT COALESCE(merged_into_id, id) FROM conversation.chat WHERE id = $5
           )"#,
        viewer.scope.confine(),
        viewer.id.0,
        viewer.role.number(),
        viewer.department.map(|department| department.0),
        chat.0
    )
    .fetch_optional(db)
    .await
}

/// Locks a chat, if the user sees it.
pub(super) async fn lock_visible(
    db: &mut PgConnection,
    viewer: &Viewer,
    chat: ChatId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT id FROM conversation.chat
         WHERE id = (SELECT COALESCE(merged_into_id, id) FROM conversation.chat WHERE id = $5)
           AND id IN (SELECT id FROM conversation.visible_chats($1, $2, $3, $4))
         FOR UPDATE OF chat",
        viewer.scope.confine(),
        viewer.id.0,
        viewer.role.number(),
        viewer.department.map(|department| department.0),
        chat.0
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// The open chat of a guest on a channel, locked.
pub(super) async fn open_of(
    db: &mut PgConnection,
    channel: ChannelId,
    guest: GuestId,
) -> Result<Option<Chat>, sqlx::Error> {
    sqlx::query_as!(
        Chat,
        r#"SELECT chat.id AS "id: ChatId", chat.company_id AS "company: CompanyId",
               chat.channel_id AS "channel: ChannelId", chat.channel_type,
               chat.guest_id AS "guest: GuestId", chat.department_id AS "department: DepartmentId",
               chat.assigned_user_id AS "assigned: UserId", chat.state = 'open' AS "open!",
               chat.last_seq, chat.last_message_at, chat.last_inbound_at, guest.name
           FROM conversation.chat JOIN conversation.guest ON guest.id = chat.guest_id
           WHERE chat.channel_id = $1 AND chat.guest_id = $2 AND chat.state <> 'closed'
           FOR UPDATE OF chat"#,
        channel.0,
        guest.0
    )
    .fetch_optional(db)
    .await
}

/// Opens a chat. The window of the guest's last message stays open, even if the
/// message was in a chat that is closed by now.
pub(super) async fn insert(
    db: &mut PgConnection,
    line: Line<'_>,
    route: &Route,
    now: OffsetDateTime,
) -> Result<Chat, sqlx::Error> {
    sqlx::query_as!(
        Chat,
        r#"INSERT INTO conversation.chat
               (company_id, channel_id, channel_type, guest_id, department_id, assigned_user_id,
                last_message_at, created_at, last_inbound_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $7, (
               SELECT max(last_inbound_at) FROM conversation.chat
               WHERE guest_id = $4 AND channel_id = $2
           ))
           RETURNING id AS "id: ChatId", company_id AS "company: CompanyId",
               channel_id AS "channel: ChannelId", channel_type,
               guest_id AS "guest: GuestId", department_id AS "department: DepartmentId",
               assigned_user_id AS "assigned: UserId", true AS "open!", last_seq,
               last_message_at, last_inbound_at,
               (SELECT name FROM conversation.guest WHERE id = $4) AS "name!""#,
        line.company.0,
        line.channel.0,
        line.channel_type,
        line.guest.0,
        route.department.map(|department| department.0),
        route.agent.as_ref().map(|(agent, _)| agent.0),
        now
    )
    .fetch_one(db)
    .await
}

/// Gives a chat to an agent.
pub(super) async fn assign(
    db: &mut PgConnection,
    chat: ChatId,
    agent: UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.chat SET assigned_user_id = $2 WHERE id = $1",
        chat.0,
        agent.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets the open chats of a user wait for somebody else, unless the user may work
/// on them.
pub(crate) async fn release(db: &mut PgConnection, user: &Agent) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.chat SET assigned_user_id = NULL
         WHERE assigned_user_id = $1 AND state <> 'closed' AND NOT ($2 AND company_id = $3)",
        user.id.0,
        user.active && matches!(user.role, 2 | 3),
        user.company.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A user takes part in a chat from now on.
pub(super) async fn join(
    db: &mut PgConnection,
    chat: ChatId,
    user: UserId,
    name: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO conversation.participant (chat_id, user_id, name, joined_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        chat.0,
        user.0,
        name,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The users who take part in a chat, in the order they joined.
pub(super) async fn agents_of(
    db: &mut PgConnection,
    chat: ChatId,
) -> Result<Vec<Member>, sqlx::Error> {
    sqlx::query_as!(
        Member,
        r#"SELECT participant.user_id AS id,
               COALESCE(agent.name, participant.name) AS "name!", false AS "guest!"
           FROM conversation.participant
           LEFT JOIN conversation.agent ON agent.user_id = participant.user_id
           WHERE participant.chat_id = $1
           ORDER BY participant.joined_at, participant.user_id"#,
        chat.0
    )
    .fetch_all(db)
    .await
}

/// What a chat shows of its newest message.
pub(crate) struct Newest<'a> {
    /// The chat.
    pub(crate) chat: ChatId,
    /// The place of the message.
    pub(crate) seq: i64,
    /// The message.
    pub(crate) message: MessageId,
    /// Where it is shown.
    pub(crate) ordered_at: OffsetDateTime,
    /// Where it is shown among those of the same time.
    pub(crate) provider_seq: i64,
    /// The text.
    pub(crate) text: &'a str,
    /// Set when the guest wrote it.
    pub(crate) inbound_at: Option<OffsetDateTime>,
}

/// Notes a new message on its locked chat.
pub(crate) async fn note_message(
    db: &mut PgConnection,
    newest: &Newest<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE conversation.chat SET
             last_seq = $2,
             last_inbound_at = GREATEST(chat.last_inbound_at, $7),
             last_message_at = CASE WHEN shown.last THEN $4 ELSE chat.last_message_at END,
             last_message_provider_seq =
                 CASE WHEN shown.last THEN $5 ELSE chat.last_message_provider_seq END,
             last_message_id = CASE WHEN shown.last THEN $3 ELSE chat.last_message_id END,
             last_message_text = CASE WHEN shown.last THEN $6 ELSE chat.last_message_text END
         FROM (
             SELECT last_message_id = 0 OR ($4, $5, $3)
                 > (last_message_at, last_message_provider_seq, last_message_id) AS last
             FROM conversation.chat WHERE id = $1
         ) AS shown
         WHERE chat.id = $1",
        newest.chat.0,
        newest.seq,
        newest.message.0,
        newest.ordered_at,
        newest.provider_seq,
        newest.text,
        newest.inbound_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The open chats that two guests both have on a channel, the older one first.
pub(super) async fn rival_chats(
    db: &mut PgConnection,
    one: GuestId,
    other: GuestId,
) -> Result<Vec<(ChatId, ChatId)>, sqlx::Error> {
    let rivals = sqlx::query!(
        r#"SELECT LEAST(mine.id, theirs.id) AS "older!: ChatId",
               GREATEST(mine.id, theirs.id) AS "younger!: ChatId"
           FROM conversation.chat AS mine
           JOIN conversation.chat AS theirs ON theirs.channel_id = mine.channel_id
           WHERE mine.guest_id = $1 AND theirs.guest_id = $2
             AND mine.state <> 'closed' AND theirs.state <> 'closed'
           ORDER BY 1"#,
        one.0,
        other.0
    )
    .fetch_all(db)
    .await?;
    Ok(rivals
        .into_iter()
        .map(|pair| (pair.older, pair.younger))
        .collect())
}

/// The guest of the chat that a message is in.
pub(crate) async fn guest_of_message(
    db: &mut PgConnection,
    message: MessageId,
) -> Result<Option<GuestId>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT chat.guest_id AS "guest: GuestId" FROM conversation.message
           JOIN conversation.chat ON chat.id = message.chat_id WHERE message.id = $1"#,
        message.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.flatten())
}
