//! What statuses say of messages of ours.

use proto::conversation::v1::DeliveryStatus;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::Result,
    worker::explode::{Content, Event},
};

/// The statuses of a body, in order: channel, our id or nil, the provider's id.
#[derive(Default)]
pub(super) struct News {
    channels: Vec<i64>,
    ours: Vec<Uuid>,
    theirs: Vec<String>,
}

impl News {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut all = Self::default();
        for event in events {
            if let Content::Status { news, outbound } = &event.content {
                all.channels.push(event.channel.id.0);
                all.ours.push(outbound.unwrap_or_default());
                all.theirs.push(news.provider_id.clone());
            }
        }
        all
    }

    /// Takes statuses that repeat our id as answers that were lost: the messages are sent and
    /// have these ids at the provider. Answers how many.
    pub(super) async fn adopt(&self, db: &mut PgConnection, now: OffsetDateTime) -> Result<u64> {
        if self.ours.iter().all(Uuid::is_nil) {
            return Ok(0);
        }
        let adopted = sqlx::query!(
            "UPDATE channel.outbound
             SET state = 'sent', provider_id = news.theirs, sent_at = $4, report = $5,
                 report_next_at = $4, lease_until = NULL, leased_by = NULL, error = '',
                 error_code = ''
             FROM (SELECT DISTINCT ON (ours) channel_id, ours, theirs
                   FROM unnest($1::bigint[], $2::uuid[], $3::text[])
                        WITH ORDINALITY AS told (channel_id, ours, theirs, place)
                   ORDER BY ours, place) news
             WHERE outbound.id = news.ours AND outbound.channel_id = news.channel_id
               AND outbound.state IN ('queued', 'leased', 'sending', 'held', 'uncertain')",
            &self.channels,
            &self.ours,
            &self.theirs,
            now,
            i32::from(DeliveryStatus::Sent),
        )
        .execute(db)
        .await?;
        Ok(adopted.rows_affected())
    }

    /// The messages of ours that they are about, by our id or the provider's; 0 where none is
    /// known.
    pub(super) async fn messages(&self, db: &mut PgConnection) -> Result<Vec<i64>> {
        if self.ours.is_empty() {
            return Ok(Vec::new());
        }
        Ok(sqlx::query_scalar!(
            r#"SELECT COALESCE(
                   (SELECT message_id FROM channel.outbound
                    WHERE id = told.ours AND channel_id = told.channel_id),
                   (SELECT message_id FROM channel.outbound
                    WHERE channel_id = told.channel_id AND provider_id = told.theirs
                      AND provider_id <> '' LIMIT 1),
                   0) AS "message_id!"
               FROM unnest($1::bigint[], $2::uuid[], $3::text[])
                    WITH ORDINALITY AS told (channel_id, ours, theirs, place)
               ORDER BY told.place"#,
            &self.channels,
            &self.ours,
            &self.theirs,
        )
        .fetch_all(db)
        .await?)
    }
}
