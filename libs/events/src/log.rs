//! The log of events as the owner answers it: `EventLogService`.

use futures_util::TryStreamExt;
use prost_types::Timestamp;
use proto::events::v1::{
    Event, ReadRequest, ReadResponse,
    event_log_service_server::{EventLogService, EventLogServiceServer},
};
use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgRow};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

/// How many bytes of data make a page large.
const LARGE_PAGE: usize = 4 * 1024 * 1024;

/// Answers the events of one schema to other services.
#[derive(Clone)]
pub struct LogServer {
    source: &'static str,
    pool: PgPool,
    read: String,
    bounds: String,
}

impl LogServer {
    /// The log of service `source` in `schema`.
    pub fn new(
        source: &'static str,
        schema: &'static str,
        pool: PgPool,
    ) -> EventLogServiceServer<Self> {
        EventLogServiceServer::new(Self {
            source,
            pool,
            read: format!(
                "SELECT {COLUMNS} FROM {schema}.outbox \
                 WHERE position > $1 ORDER BY position LIMIT $2"
            ),
            bounds: format!(
                "SELECT position, \
                 COALESCE((SELECT min(position) FROM {schema}.outbox), 0) FROM {schema}.outbox_head"
            ),
        })
    }
}

#[tonic::async_trait]
impl EventLogService for LogServer {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let caller = auth::caller(&request)?;
        if caller.user.is_some() || caller.client.is_some() || &*caller.service == "edge" {
            return Err(Status::permission_denied("the event log is for services"));
        }
        let ReadRequest {
            after,
            limit,
            source,
        } = request.into_inner();
        if source != self.source {
            return Err(Status::not_found(format!(
                "this is the log of {}",
                self.source
            )));
        }
        let limit = if limit == 0 {
            500
        } else {
            i64::from(limit.min(1000))
        };
        let (head, tail): (i64, i64) = sqlx::query_as(AssertSqlSafe(self.bounds.as_str()))
            .fetch_one(&self.pool)
            .await
            .map_err(|error| unavailable(&error))?;
        // After the bounds, so that an event up to the head that is not there was trimmed.
        let events = self
            .page(after, limit)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(Response::new(ReadResponse { events, head, tail }))
    }
}

impl LogServer {
    /// What comes after a position: at most `limit` events, and no more once the page is large.
    async fn page(&self, after: i64, limit: i64) -> Result<Vec<Event>, sqlx::Error> {
        let mut rows = sqlx::query(AssertSqlSafe(self.read.as_str()))
            .bind(after)
            .bind(limit)
            .fetch(&self.pool);
        let mut events = Vec::new();
        let mut bytes = 0;
        while bytes < LARGE_PAGE
            && let Some(row) = rows.try_next().await?
        {
            let event = event(&row, self.source)?;
            bytes += event.data.len();
            events.push(event);
        }
        Ok(events)
    }
}

/// The columns that [`event`] reads, in any order.
pub(crate) const COLUMNS: &str =
    "id, type, position, company_id, subject, occurred_at, traceparent, data";

/// The envelope of a positioned outbox row.
pub(crate) fn event(row: &PgRow, source: &str) -> Result<Event, sqlx::Error> {
    let id: uuid::Uuid = row.try_get("id")?;
    let at: OffsetDateTime = row.try_get("occurred_at")?;
    Ok(Event {
        id: id.as_bytes().to_vec().into(),
        source: source.to_owned(),
        r#type: row.try_get("type")?,
        position: row.try_get("position")?,
        company_id: row.try_get("company_id")?,
        subject: row.try_get("subject")?,
        occurred_at: Some(Timestamp {
            seconds: at.unix_timestamp(),
            nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
        }),
        traceparent: row.try_get("traceparent")?,
        data: row.try_get::<Vec<u8>, _>("data")?.into(),
    })
}

fn unavailable(error: &sqlx::Error) -> Status {
    tracing::warn!(%error, "the event log cannot be read");
    Status::unavailable("the event log cannot be read at the moment")
}
