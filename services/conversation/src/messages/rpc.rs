//! Messages and times on the wire.

use auth::ChannelId;
use prost_types::Timestamp;
use proto::conversation::v1 as wire;
use time::OffsetDateTime;

use super::{Direction, Message};
use crate::delivery;

/// A message for the wire.
pub(crate) fn encode(message: &Message) -> wire::Message {
    let direction = match message.direction {
        Direction::Inbound => wire::Direction::Inbound,
        Direction::Outbound => wire::Direction::Outbound,
        Direction::Internal => wire::Direction::Internal,
    };
    wire::Message {
        message_id: message.id.0,
        chat_id: message.chat.0,
        seq: message.seq,
        direction: direction.into(),
        text: message.text.clone(),
        kind: message.kind.clone(),
        sender_id: message.sender,
        sender_name: message.sender_name.clone(),
        status: delivery::encode(message.status).into(),
        provider_id: message.provider_id.clone(),
        provider_time: message.provider_time.map(timestamp),
        created_at: Some(timestamp(message.created_at)),
        company_id: message.company.0,
        channel_id: ChannelId::or_zero(message.channel),
        media_filename: message.media_filename.clone(),
    }
}

/// A time for the wire.
fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
    }
}

/// A time of the wire in whole microseconds; `None` when it is no time between
/// the years 1970 and 9999.
pub(crate) fn time_of(timestamp: Timestamp) -> Option<OffsetDateTime> {
    let nanos = u32::try_from(timestamp.nanos).ok()?;
    let at = OffsetDateTime::from_unix_timestamp(timestamp.seconds).ok()?;
    let at = at.replace_nanosecond(nanos / 1000 * 1000).ok()?;
    (at.unix_timestamp() >= 0).then_some(at)
}
