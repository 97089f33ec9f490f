//! Writing events in the transaction of the change they tell about.

use std::sync::Arc;

use prost::Message;
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

/// An event to record.
pub struct NewEvent<'a, M> {
    /// Names the fact, such as `message.created`.
    pub kind: &'a str,
    /// The company it belongs to; 0 for none.
    pub company: i64,
    /// The id of the thing it is about, such as `chat-12`.
    pub subject: String,
    /// The message that belongs to `kind`.
    pub data: &'a M,
}

/// The outbox of one schema. Cloning shares it.
#[derive(Clone)]
pub struct Outbox {
    insert: Arc<str>,
}

impl Outbox {
    /// The outbox table of `schema`.
    pub fn new(schema: &'static str) -> Self {
        let insert = format!(
            "INSERT INTO {schema}.outbox \
             (id, type, company_id, subject, occurred_at, traceparent, data) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        );
        Self {
            insert: insert.into(),
        }
    }

    /// Records an event on the connection of an open transaction: it exists if
    /// and only if that transaction commits.
    pub async fn append<M: Message>(
        &self,
        connection: &mut PgConnection,
        now: OffsetDateTime,
        event: NewEvent<'_, M>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(AssertSqlSafe(&*self.insert))
            .bind(Uuid::now_v7())
            .bind(event.kind)
            .bind(event.company)
            .bind(event.subject)
            .bind(now)
            .bind(chassis::telemetry::traceparent())
            .bind(event.data.encode_to_vec())
            .execute(connection)
            .await?;
        Ok(())
    }
}
