//! Storing which files have to be fetched.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{error::Result, worker::explode::Event};

/// The columns of new files.
#[derive(Default)]
pub(super) struct Attachments {
    channels: Vec<i64>,
    companies: Vec<i64>,
    keys: Vec<String>,
    kinds: Vec<String>,
    ids: Vec<String>,
    names: Vec<String>,
}

impl Attachments {
    /// Those of events, in any order.
    pub(super) fn of(events: &[Event]) -> Self {
        let mut all = Self::default();
        for event in events {
            let Some(file) = &event.attachment else {
                continue;
            };
            all.channels.push(event.channel.id.0);
            all.companies.push(event.channel.company.0);
            all.keys.push(event.ext_key.clone());
            all.kinds.push(file.kind.to_owned());
            all.ids.push(file.file_id.clone());
            all.names.push(file.name.clone());
        }
        all
    }

    /// Stores those whose event came with this body and with none before.
    pub(super) async fn insert(
        self,
        db: &mut PgConnection,
        raw: i64,
        now: OffsetDateTime,
    ) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO channel.inbound_media
                 (channel_id, ext_key, company_id, kind, provider_file_id, name, next_at)
             SELECT found.channel_id, found.ext_key, found.company_id, found.kind, found.id,
                    found.name, $8
             FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[],
                         $6::text[])
                  AS found (channel_id, ext_key, company_id, kind, id, name)
             JOIN channel.inbound_event event
               ON event.channel_id = found.channel_id AND event.ext_key = found.ext_key
             WHERE event.raw_id = $7
             ON CONFLICT (channel_id, ext_key) DO NOTHING",
            &self.channels,
            &self.keys,
            &self.companies,
            &self.kinds,
            &self.ids,
            &self.names,
            raw,
            now,
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
