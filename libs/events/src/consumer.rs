//! Consuming another service's events, each exactly once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chassis::{Stop, crash};
use prost::Message;
use proto::events::v1::ReadResponse;
use sqlx::{PgConnection, PgPool};
use tonic::Status;

use crate::{Bus, Event, LogReader, Signal, channel, cursor::Cursor, reader};

/// How often the log is read even when the bus is silent.
const TICK: Duration = Duration::from_secs(3);

/// The longest pause between two tries of an event whose effect fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What an event does.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Takes effect on the connection of the transaction that also moves the
    /// cursor. Types the handler does not know are none of its business and
    /// succeed. An error is tried again until it succeeds: events are in order,
    /// so none can be skipped.
    async fn handle(&self, connection: &mut PgConnection, event: &Event) -> anyhow::Result<()>;

    /// Runs after the commit, for what only speeds things up.
    async fn committed(&self, _event: &Event) {}
}

/// Follows the log of one source with a cursor in the consumer's own schema.
pub struct Consumer {
    log: LogReader,
    cursor: Cursor,
    pool: PgPool,
    bus: Bus,
    handler: Arc<dyn Handler>,
}

/// Why the consumer has to pause.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("log of the owner: {}", .0.message())]
    Log(#[from] Status),
    #[error("effect of {kind} at {position}: {error:#}")]
    Effect {
        kind: String,
        position: i64,
        error: anyhow::Error,
    },
}

impl Consumer {
    /// A consumer called `name` whose cursor is in `schema`. Replicas of one name
    /// share the work.
    pub fn new(
        name: &'static str,
        schema: &'static str,
        log: LogReader,
        pool: PgPool,
        bus: Bus,
        handler: impl Handler,
    ) -> Self {
        let cursor = Cursor::new(schema, name, log.source());
        Self {
            log,
            cursor,
            pool,
            bus,
            handler: Arc::new(handler),
        }
    }

    /// Consumes until the stop; what fails is tried again after a pause.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let source = self.log.source();
        let mut subscription = self.bus.subscribe(&channel(source));
        let mut position = None;
        let mut pause = Duration::from_millis(50);
        while !stop.is_requested() {
            let known = match position {
                Some(position) => Ok(position),
                None => self.catch_up(&stop).await,
            };
            let outcome = match known {
                Ok(known) => tokio::select! {
                    signal = subscription.next() => self.hear(known, signal).await,
                    () = tokio::time::sleep(TICK) => Ok(None),
                    () = stop.requested() => break,
                },
                Err(trouble) => Err(trouble),
            };
            match outcome {
                Ok(now_at) => {
                    position = now_at;
                    pause = Duration::from_millis(50);
                }
                Err(trouble) => {
                    tracing::warn!(source, %trouble, "events wait");
                    position = None;
                    stop.within(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        Ok(())
    }

    /// Deals with one signal; answers the position, or `None` when the log has to
    /// be read.
    async fn hear(&self, known: i64, signal: Option<Signal>) -> Result<Option<i64>, Trouble> {
        let Some(Signal::Payload(payload)) = signal else {
            return Ok(None);
        };
        let Ok(event) = Event::decode(payload) else {
            return Ok(None);
        };
        if event.position <= known {
            return Ok(Some(known));
        }
        if event.position == known + 1 && self.apply(known, &event).await? {
            return Ok(Some(event.position));
        }
        Ok(None)
    }

    /// Reads and applies until nothing is left; answers the position.
    async fn catch_up(&self, stop: &Stop) -> Result<i64, Trouble> {
        let mut position = self.cursor.read(&self.pool).await?;
        while !stop.is_requested() {
            let page = self.log.read(position).await?;
            self.check(position, &page);
            if page.events.is_empty() {
                if page.head == position || !self.skip(position, page.head).await? {
                    break;
                }
                position = page.head;
                continue;
            }
            for event in &page.events {
                if !self.apply(position, event).await? {
                    // Another replica was faster; go on where it is.
                    break;
                }
                position = event.position;
            }
            position = self.cursor.read(&self.pool).await?;
        }
        Ok(position)
    }

    /// Says loudly when the log is not what it was: trimmed, or that of an older copy of the
    /// database.
    fn check(&self, position: i64, page: &ReadResponse) {
        let source = self.log.source();
        if page.head < position {
            let head = page.head;
            tracing::error!(
                source,
                position,
                head,
                "the log went back; following it from there"
            );
        } else if let Some((from, to)) = reader::missed(position, page) {
            tracing::error!(
                source,
                from,
                to,
                "events were trimmed before they were read"
            );
        }
    }

    /// Moves the cursor to where the log goes on; false when another replica has moved it.
    async fn skip(&self, from: i64, to: i64) -> Result<bool, Trouble> {
        let mut connection = self.pool.acquire().await?;
        Ok(self.cursor.advance(&mut connection, from, to).await?)
    }

    /// Applies one event and moves the cursor, both or neither. False when another
    /// replica has applied it.
    async fn apply(&self, from: i64, event: &Event) -> Result<bool, Trouble> {
        let mut transaction = self.pool.begin().await?;
        if !self
            .cursor
            .advance(&mut transaction, from, event.position)
            .await?
        {
            return Ok(false);
        }
        self.handler
            .handle(&mut transaction, event)
            .await
            .map_err(|error| Trouble::Effect {
                kind: event.r#type.clone(),
                position: event.position,
                error,
            })?;
        crash::point("consumer.before_commit");
        transaction.commit().await?;
        self.handler.committed(event).await;
        Ok(true)
    }
}
