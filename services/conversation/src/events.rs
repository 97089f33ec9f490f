//! What this service announces, and what it keeps of the announcements of
//! others.

use async_trait::async_trait;
use auth::{ChannelId, CompanyId, DepartmentId, UserId};
use events::{Event, Handler, NewEvent, Outbox};
use prost::Message as _;
use proto::events::v1::{
    ChatAssigned, DepartmentChanged, MessageCreated, MessageMediaAttached, MessageRead,
    MessageStatusChanged, OutboundRequested, UserChanged,
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    agents::{self, Agent, Department},
    chats::Chat,
    delivery::{self, Status},
    guests::{self, Identity},
    messages::{self, Message, Sent},
};

/// A message was stored.
pub(crate) async fn message_created(
    db: &mut PgConnection,
    outbox: &Outbox,
    now: OffsetDateTime,
    chat: &Chat,
    message: &Message,
    audience_user_ids: Vec<i64>,
) -> Result<(), sqlx::Error> {
    let data = MessageCreated {
        message: Some(messages::encode(message)),
        chat_name: chat.name.clone(),
        assigned_user_id: UserId::or_zero(chat.assigned),
        department_id: DepartmentId::or_zero(chat.department),
        audience_user_ids,
    };
    let event = NewEvent {
        kind: "message.created",
        company: chat.company.0,
        subject: format!("chat-{}", chat.id),
        data: &data,
    };
    outbox.append(db, now, event).await
}

/// A chat has an agent now.
pub(crate) async fn chat_assigned(
    db: &mut PgConnection,
    outbox: &Outbox,
    now: OffsetDateTime,
    chat: &Chat,
    agent: UserId,
) -> Result<(), sqlx::Error> {
    let data = ChatAssigned {
        chat_id: chat.id.0,
        user_id: agent.0,
        name: chat.name.clone(),
    };
    let event = NewEvent {
        kind: "chat.assigned",
        company: chat.company.0,
        subject: format!("chat-{}", chat.id),
        data: &data,
    };
    outbox.append(db, now, event).await
}

/// A message waits to be sent.
pub(crate) async fn outbound_requested(
    db: &mut PgConnection,
    outbox: &Outbox,
    now: OffsetDateTime,
    message: &Message,
    channel: ChannelId,
    recipient: &Identity,
) -> Result<(), sqlx::Error> {
    let data = OutboundRequested {
        message_id: message.id.0,
        chat_id: message.chat.0,
        channel_id: channel.0,
        recipient: Some(guests::encode_identity(recipient)),
        text: message.text.clone(),
        reply_to_provider_id: String::new(),
        media_filename: message.media_filename.clone(),
    };
    let event = NewEvent {
        kind: "outbound.requested",
        company: message.company.0,
        subject: format!("chat-{}", message.chat),
        data: &data,
    };
    outbox.append(db, now, event).await
}

/// A message has come further, or failed.
pub(crate) async fn status_changed(
    db: &mut PgConnection,
    outbox: &Outbox,
    now: OffsetDateTime,
    message: &Sent,
    status: Status,
    error: &str,
) -> Result<(), sqlx::Error> {
    let data = MessageStatusChanged {
        message_id: message.id.0,
        chat_id: message.chat.0,
        status: delivery::encode(status).into(),
        assigned_user_id: message.assigned,
        error: error.to_owned(),
    };
    let event = NewEvent {
        kind: "message.status_changed",
        company: message.company.0,
        subject: format!("chat-{}", message.chat),
        data: &data,
    };
    outbox.append(db, now, event).await
}

/// The file of a message of a guest has arrived.
pub(crate) async fn media_attached(
    db: &mut PgConnection,
    outbox: &Outbox,
    now: OffsetDateTime,
    message: &Sent,
    filename: &str,
) -> Result<(), sqlx::Error> {
    let data = MessageMediaAttached {
        message_id: message.id.0,
        chat_id: message.chat.0,
        media_filename: filename.to_owned(),
        assigned_user_id: message.assigned,
    };
    let event = NewEvent {
        kind: "message.media_attached",
        company: message.company.0,
        subject: format!("chat-{}", message.chat),
        data: &data,
    };
    outbox.append(db, now, event).await
}

/// A user has read a chat up to a message.
pub(crate) async fn message_read(
    db: &mut PgConnection,
    outbox: &Outbox,
    now: OffsetDateTime,
    chat: &Chat,
    reader: UserId,
    message: auth::MessageId,
    provider_message_id: Option<String>,
) -> Result<(), sqlx::Error> {
    let data = MessageRead {
        chat_id: chat.id.0,
        message_id: message.0,
        user_id: reader.0,
        channel_id: ChannelId::or_zero(chat.channel),
        provider_message_id: provider_message_id.unwrap_or_default(),
    };
    let event = NewEvent {
        kind: "message.read",
        company: chat.company.0,
        subject: format!("chat-{}", chat.id),
        data: &data,
    };
    outbox.append(db, now, event).await
}

/// Keeps the replica of users.
pub(crate) struct Users;

#[async_trait]
impl Handler for Users {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        if event.r#type != "user.changed" {
            return Ok(());
        }
        let user = UserChanged::decode(event.data.clone())?;
        let agent = Agent {
            id: UserId(user.user_id),
            company: CompanyId(user.company_id),
            department: DepartmentId::present(user.department_id),
            // A role nobody knows has no rights here.
            role: i16::try_from(user.role).unwrap_or(0),
            name: user.name,
            email: user.email,
            active: user.active,
        };
        Ok(agents::take_user(db, &agent).await?)
    }
}

/// Keeps the replica of departments.
pub(crate) struct Departments;

#[async_trait]
impl Handler for Departments {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        if event.r#type != "department.changed" {
            return Ok(());
        }
        let changed = DepartmentChanged::decode(event.data.clone())?;
        let department = Department {
            id: DepartmentId(changed.department_id),
            company: CompanyId(changed.company_id),
            name: changed.name,
            active: changed.active,
            hours: changed.hours_json,
        };
        Ok(agents::put_department(db, &department).await?)
    }
}
