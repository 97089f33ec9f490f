//! Publishing: what is said on a channel, recorded before anybody hears it.
//!
//! A durable frame is a row of the channel's history and an event of our own log,
//! in one transaction. Every replica follows that log and delivers to its own
//! sockets. An ephemeral frame skips both and goes over the bus alone.

mod store;

use std::time::Duration;

use auth::CompanyId;
use bytes::Bytes;
use chassis::{Clock, Stop};
use events::{Bus, NewEvent, Outbox};
use prost::Message;
use proto::events::v1::{AppDisabled, FramePublished, UserTerminated};
use sqlx::{PgConnection, PgPool};

use crate::{Error, apps::App, names::Wire};

/// The event of a durable frame.
pub const FRAME_PUBLISHED: &str = "frame.published";
/// The event that closes the sockets of a user.
pub const USER_TERMINATED: &str = "user.terminated";
/// The event that closes the sockets of an app.
pub const APP_DISABLED: &str = "app.disabled";

/// The event by which a replica finds out that it hears the log.
pub const REPLICA_STARTED: &str = "replica.started";

/// Where ephemeral frames travel.
pub const EPHEMERAL_CHANNEL: &str = "atencion.v1.realtime-broadcast.ephemeral";

/// How often old history is removed.
const TRIM_EVERY: Duration = Duration::from_mins(1);

/// One event for the subscribers of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The channel.
    pub wire: Wire,
    /// The name of the event.
    pub event: String,
    /// The payload as JSON text.
    pub data_json: String,
    /// The socket that must not hear it; may be empty.
    pub except_socket_id: String,
}

/// Writes frames. Cloning shares the connections.
#[derive(Clone)]
pub struct Publisher {
    pool: PgPool,
    clock: Clock,
    bus: Bus,
    outbox: Outbox,
}

impl Publisher {
    /// A publisher into the log of `schema`.
    pub fn new(pool: PgPool, clock: Clock, bus: Bus, schema: &'static str) -> Self {
        Self {
            pool,
            clock,
            bus,
            outbox: Outbox::new(schema),
        }
    }

    /// Records one frame of an app on the connection of an open transaction and
    /// answers its offset on the channel.
    pub async fn publish(
        &self,
        db: &mut PgConnection,
        app: &App,
        frame: Frame,
    ) -> Result<i64, Error> {
        Ok(self.record_one(db, app.id, app.company, frame).await?)
    }

    /// Records frames on the connection of an open transaction.
    pub async fn record(
        &self,
        db: &mut PgConnection,
        app: i64,
        company: CompanyId,
        mut frames: Vec<Frame>,
    ) -> Result<(), sqlx::Error> {
        // Everybody locks channels in the order of their names, so that nobody
        // waits in a circle. The order on each channel stays.
        frames.sort_by(|a, b| a.wire.cmp(&b.wire));
        for frame in frames {
            self.record_one(db, app, company, frame).await?;
        }
        Ok(())
    }

    async fn record_one(
        &self,
        db: &mut PgConnection,
        app: i64,
        company: CompanyId,
        frame: Frame,
    ) -> Result<i64, sqlx::Error> {
        let offset = store::next_offset(db, app, frame.wire.as_str()).await?;
        store::insert(db, app, offset, &frame, self.clock.now()).await?;
        let subject = frame.wire.to_string();
        let data = FramePublished {
            app_id: app,
            wire_name: frame.wire.to_string(),
            event: frame.event,
            data_json: frame.data_json,
            except_socket_id: frame.except_socket_id,
            offset,
            user_id: String::new(),
        };
        self.announce(db, company, FRAME_PUBLISHED, subject, &data)
            .await?;
        Ok(offset)
    }

    /// Tells all replicas that a user came or went.
    pub async fn record_member_event(
        &self,
        db: &mut PgConnection,
        company: CompanyId,
        data: &FramePublished,
    ) -> Result<(), sqlx::Error> {
        self.announce(db, company, FRAME_PUBLISHED, data.wire_name.clone(), data)
            .await
    }

    /// Orders all replicas to close the sockets of a user.
    pub async fn terminate(&self, app: i64, company: CompanyId, user: &str) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let data = UserTerminated {
            app_id: app,
            user_id: user.to_owned(),
        };
        let subject = format!("user-{user}");
        self.announce(&mut transaction, company, USER_TERMINATED, subject, &data)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Orders all replicas to close the sockets of an app.
    pub async fn record_disabled(
        &self,
        db: &mut PgConnection,
        app: i64,
        company: CompanyId,
    ) -> Result<(), sqlx::Error> {
        let data = AppDisabled { app_id: app };
        self.announce(db, company, APP_DISABLED, format!("app-{app}"), &data)
            .await
    }

    /// Writes a sign of life of a replica into the log.
    pub async fn announce_replica(&self, node: i64) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let (platform, subject) = (CompanyId(0), replica_subject(node));
        self.announce(&mut transaction, platform, REPLICA_STARTED, subject, &())
            .await?;
        transaction.commit().await
    }

    /// Sends a frame that nobody will miss to whoever listens now.
    pub async fn whisper(&self, frame: &FramePublished) -> Result<(), Error> {
        let payload = Bytes::from(frame.encode_to_vec());
        Ok(self.bus.publish(EPHEMERAL_CHANNEL, payload).await?)
    }

    async fn announce<M: Message>(
        &self,
        db: &mut PgConnection,
        company: CompanyId,
        kind: &str,
        subject: String,
        data: &M,
    ) -> Result<(), sqlx::Error> {
        let event = NewEvent {
            kind,
            company: company.0,
            subject,
            data,
        };
        self.outbox.append(db, self.clock.now(), event).await
    }
}

/// The subject of the signs of life of a replica.
pub fn replica_subject(node: i64) -> String {
    format!("replica-{node}")
}

/// Removes history older than `keep`, now and then, until the stop.
pub async fn trim(
    pool: PgPool,
    clock: Clock,
    keep: time::Duration,
    stop: Stop,
) -> anyhow::Result<()> {
    loop {
        if let Err(error) = store::remove_before(&pool, clock.now() - keep).await {
            tracing::warn!(%error, "old frames stay for now");
        }
        if stop.within(TRIM_EVERY).await {
            return Ok(());
        }
    }
}
