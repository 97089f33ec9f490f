//! The frames that agents see when something happens in a chat.

use events::Event;
use prost::Message;
use proto::{
    conversation::v1::{DeliveryStatus, Direction},
    events::v1::{ChatAssigned, MessageCreated, MessageMediaAttached, MessageStatusChanged},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{frames::Frame, names::Target};

/// The frames of an event; none for those that nobody looks at live.
pub(super) fn frames(event: &Event) -> anyhow::Result<Vec<Frame>> {
    let data = event.data.clone();
    match event.r#type.as_str() {
        "message.created" => of_message(&MessageCreated::decode(data)?),
        "message.status_changed" => of_status(&MessageStatusChanged::decode(data)?),
        "message.media_attached" => of_media(&MessageMediaAttached::decode(data)?),
        "chat.assigned" => of_assignment(&ChatAssigned::decode(data)?),
        _ => Ok(Vec::new()),
    }
}

/// The message goes to the room of its chat and to each user who shall know of
/// it; what a guest wrote is a notification, too.
fn of_message(created: &MessageCreated) -> anyhow::Result<Vec<Frame>> {
    let Some(message) = &created.message else {
        anyhow::bail!("message.created without a message");
    };
    let direction = message.direction();
    let sent = json!({
        "chatId": format!("chat-{}", message.chat_id),
        "id_message": format!("msg-{}", message.message_id),
        "message": message.text,
        "user": {"id": message.sender_id, "name": message.sender_name},
        "sender_id": message.sender_id,
        "direction": direction_name(direction),
        "created_at": message.created_at.as_ref().and_then(rfc3339),
    });
    let notification = json!({
        "title": "Nuevo mensaje",
        "message": message.text,
        "chatId": format!("chat-{}", message.chat_id),
        "type": "info",
    });
    let mut frames = vec![frame(
        &Target::chat_room(message.chat_id),
        "MessageSent",
        &sent,
    )?];
    for &user in &created.audience_user_ids {
        let own = Target::PrivateUser(user);
        frames.push(frame(&own, "MessageSent", &sent)?);
        if direction == Direction::Inbound {
            frames.push(frame(&own, "UserNotification", &notification)?);
        }
    }
    Ok(frames)
}

fn of_status(changed: &MessageStatusChanged) -> anyhow::Result<Vec<Frame>> {
    let mut data = json!({
        "chatId": format!("chat-{}", changed.chat_id),
        "id_message": format!("msg-{}", changed.message_id),
        "status": status_name(changed.status()),
    });
    if !changed.error.is_empty() {
        data["error"] = Value::from(changed.error.as_str());
    }
    updated(changed.chat_id, changed.assigned_user_id, &data)
}

/// A message that was shown without its file has it now.
fn of_media(attached: &MessageMediaAttached) -> anyhow::Result<Vec<Frame>> {
    let data = json!({
        "chatId": format!("chat-{}", attached.chat_id),
        "id_message": format!("msg-{}", attached.message_id),
        "status": status_name(DeliveryStatus::Received),
        "file": attached.media_filename,
    });
    updated(attached.chat_id, attached.assigned_user_id, &data)
}

fn updated(chat: i64, agent: i64, data: &Value) -> anyhow::Result<Vec<Frame>> {
    let mut frames = vec![frame(&Target::chat_room(chat), "MessageUpdated", data)?];
    if agent != 0 {
        let own = Target::PrivateUser(agent);
        frames.push(frame(&own, "MessageUpdated", data)?);
    }
    Ok(frames)
}

fn of_assignment(assigned: &ChatAssigned) -> anyhow::Result<Vec<Frame>> {
    let data = json!({
        "chatId": format!("chat-{}", assigned.chat_id),
        "name": assigned.name,
        "user_id": assigned.user_id,
    });
    Ok(vec![frame(
        &Target::PrivateUser(assigned.user_id),
        "ChatAssigned",
        &data,
    )?])
}

fn frame(target: &Target, event: &str, data: &Value) -> anyhow::Result<Frame> {
    Ok(Frame {
        wire: target.wire()?,
        event: event.to_owned(),
        data_json: data.to_string(),
        except_socket_id: String::new(),
    })
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Unspecified | Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
    }
}

fn status_name(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Unspecified | DeliveryStatus::Received => "received",
        DeliveryStatus::Queued => "queued",
        DeliveryStatus::Uncertain => "uncertain",
        DeliveryStatus::Sent => "sent",
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Read => "read",
        DeliveryStatus::Played => "played",
        DeliveryStatus::Failed => "failed",
    }
}

fn rfc3339(at: &prost_types::Timestamp) -> Option<String> {
    let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    at.format(&Rfc3339).ok()
}
