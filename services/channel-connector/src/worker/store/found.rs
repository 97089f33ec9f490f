//! Storing what was found in a body.

use prost::Message;
use prost_types::Timestamp;
use proto::conversation::v1::{InboundEvent, inbound_event};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    error::Result,
    worker::explode::{Content, Event},
};

/// The columns of new events.
#[derive(Default)]
pub(super) struct Rows {
    channels: Vec<i64>,
    keys: Vec<String>,
    kinds: Vec<String>,
    lanes: Vec<String>,
    events: Vec<Vec<u8>>,
}

impl Rows {
    pub(super) fn push(&mut self, event: Event, message_id: i64, received_at: OffsetDateTime) {
        let channel = &event.channel;
        let (kind, content) = match event.content {
            Content::Message(message) => ("message", inbound_event::Event::Message(*message)),
            Content::Status { mut news, .. } => {
                news.message_id = message_id;
                ("status", inbound_event::Event::Status(*news))
            }
        };
        self.channels.push(channel.id.0);
        self.kinds.push(kind.to_owned());
        self.lanes.push(format!("{}:{}", channel.id, event.sender));
        let wire = InboundEvent {
            company_id: channel.company.0,
            channel_id: channel.id.0,
            channel_type: channel.kind.name().to_owned(),
            external_key: event.ext_key.clone(),
            // What the provider says is not trusted to be a time that can be stored.
            provider_time: event
                .at
                .and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
                .or(Some(received_at))
                .map(timestamp),
            received_at: Some(timestamp(received_at)),
            event: Some(content),
            provider_sequence: event.place,
        };
        self.keys.push(event.ext_key);
        self.events.push(wire.encode_to_vec());
    }

    /// Stores those that are not known yet; answers how many.
    pub(super) async fn insert(
        self,
        db: &mut PgConnection,
        raw: i64,
        now: OffsetDateTime,
    ) -> Result<u64> {
        if self.keys.is_empty() {
            return Ok(0);
        }
        let stored = sqlx::query!(
            "INSERT INTO channel.inbound_event
                 (channel_id, ext_key, kind, lane, event, raw_id, next_at)
             SELECT found.channel_id, found.ext_key, found.kind, found.lane, found.event, $6, $7
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bytea[])
                  WITH ORDINALITY AS found (channel_id, ext_key, kind, lane, event, place)
             ORDER BY found.place
             ON CONFLICT (channel_id, ext_key) DO NOTHING",
            &self.channels,
            &self.keys,
            &self.kinds,
            &self.lanes,
            &self.events,
            raw,
            now,
        )
        .execute(db)
        .await?;
        Ok(stored.rows_affected())
    }
}

fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
    }
}
