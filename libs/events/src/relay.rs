//! Gives outbox rows their positions and publishes them.

use std::time::Duration;

use bytes::Bytes;
use chassis::{Clock, Stop, crash};
use prost::Message;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};

use crate::{Bus, Event, channel, log};

/// How long rows may wait when a notification was lost.
const POLL: Duration = Duration::from_secs(1);

/// How long a replica without the lock waits before it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// The most rows that get their positions in one statement.
const BATCH: i64 = 256;

/// How often old rows are removed.
const TRIM_EVERY: Duration = Duration::from_mins(10);

/// One relay per schema is at work at any time, held by an advisory lock of the
/// database; the other replicas stand by.
pub struct Relay {
    source: &'static str,
    schema: &'static str,
    pool: PgPool,
    bus: Bus,
    clock: Clock,
    keep: time::Duration,
}

impl Relay {
    /// The relay of service `source`, whose outbox is in `schema`. Events are kept
    /// for `keep` after they were recorded.
    pub fn new(
        source: &'static str,
        schema: &'static str,
        pool: PgPool,
        bus: Bus,
        clock: Clock,
        keep: time::Duration,
    ) -> Self {
        Self {
            source,
            schema,
            pool,
            bus,
            clock,
            keep,
        }
    }

    /// Relays until the stop. A lost connection costs the lock and is tried anew.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        while !stop.is_requested() {
            if let Err(error) = self.hold_and_relay(&stop).await {
                tracing::warn!(source = self.source, %error, "relay interrupted, trying again");
            }
            stop.within(RETRY).await;
        }
        Ok(())
    }

    /// Relays for as long as the lock can be held.
    async fn hold_and_relay(&self, stop: &Stop) -> Result<(), sqlx::Error> {
        // A connection of its own: the lock lives and dies with it, and so does
        // the right to hand out positions.
        let options: PgConnectOptions = (*self.pool.connect_options()).clone();
        let mut connection = PgConnection::connect_with(&options).await?;
        // Within half a minute the server notices that the machine of the session is gone, and
        // another replica gets the lock.
        sqlx::raw_sql(
            "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;
             SET tcp_keepalives_count = 4",
        )
        .execute(&mut connection)
        .await?;
        let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext($1), 1)")
            .bind(format!("atencion.relay.{}", self.schema))
            .fetch_one(&mut connection)
            .await?;
        if !locked {
            return Ok(());
        }
        // Listening takes a connection for good, so not one of those that others wait for.
        let listening = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(options);
        let mut wake = PgListener::connect_with(&listening).await?;
        wake.listen(&format!("outbox_{}", self.schema)).await?;
        let mut trimmed_at = None;
        while !stop.is_requested() {
            while self.relay_batch(&mut connection).await? == BATCH {}
            let due = trimmed_at.is_none_or(|at: tokio::time::Instant| at.elapsed() > TRIM_EVERY);
            if due {
                self.trim(&mut connection).await?;
                trimmed_at = Some(tokio::time::Instant::now());
            }
            tokio::select! {
                heard = wake.recv() => { heard?; }
                () = tokio::time::sleep(POLL) => {}
                () = stop.requested() => {}
            }
        }
        connection.close().await
    }

    /// Positions the next rows, commits, and only then publishes: an event that
    /// was heard can always be read.
    async fn relay_batch(&self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        let schema = self.schema;
        let statement = format!(
            "WITH batch AS (
                 SELECT seq, row_number() OVER (ORDER BY seq) AS nth FROM (
                     SELECT seq FROM {schema}.outbox WHERE position IS NULL ORDER BY seq LIMIT $1
                 ) waiting
             ), head AS (
                 UPDATE {schema}.outbox_head
                 SET position = position + (SELECT count(*) FROM batch)
                 WHERE EXISTS (SELECT FROM batch)
                 RETURNING position - (SELECT count(*) FROM batch) AS before
             )
             UPDATE {schema}.outbox SET position = head.before + batch.nth
             FROM batch, head WHERE outbox.seq = batch.seq
             RETURNING {}",
            columns_of_outbox()
        );
        let rows = sqlx::query(AssertSqlSafe(statement))
            .bind(BATCH)
            .fetch_all(&mut *connection)
            .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        crash::point_of(self.source, "relay.positioned");
        let mut events: Vec<Event> = rows
            .iter()
            .map(|row| log::event(row, self.source))
            .collect::<Result<_, _>>()?;
        events.sort_by_key(|event| event.position);
        for event in &events {
            let payload = Bytes::from(event.encode_to_vec());
            if let Err(error) = self.bus.publish(&channel(self.source), payload).await {
                // Consumers read the log every few seconds anyway.
                tracing::warn!(source = self.source, %error, "events wait in the log");
                break;
            }
        }
        crash::point_of(self.source, "relay.published");
        Ok(i64::try_from(events.len()).unwrap_or(BATCH))
    }

    async fn trim(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let statement = format!(
            "DELETE FROM {}.outbox WHERE position IS NOT NULL AND occurred_at < $1",
            self.schema
        );
        sqlx::query(AssertSqlSafe(statement))
            .bind(self.clock.now() - self.keep)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// [`log::COLUMNS`], told apart from those of the other tables in the statement.
fn columns_of_outbox() -> String {
    let qualified: Vec<String> = log::COLUMNS
        .split(", ")
        .map(|column| format!("outbox.{column}"))
        .collect();
    qualified.join(", ")
}
