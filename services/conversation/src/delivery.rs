//! What becomes of outbound messages: statuses only move forward, whatever the
//! order in which news arrives, and every piece of news is kept.

mod store;

use std::time::Duration as StdDuration;

use auth::{ChannelId, CompanyId, MessageId};
use chassis::{Clock, Stop};
use events::Outbox;
use proto::conversation::v1::DeliveryStatus;
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};

use crate::{
    error::Error,
    events as announce,
    messages::{self, Sent},
};

/// How long news waits for its message.
const PATIENCE: Duration = Duration::hours(24);

/// How long news is kept. Providers deliver again for 7 days; what comes later than this
/// finds a status that is as far already.
const KEPT: Duration = Duration::days(90);

/// How often news that is too old is dropped.
const CLEANING: StdDuration = StdDuration::from_mins(10);

/// How far a message has come. The order of the variants is the order in which a
/// status may replace another: a failure replaces everything before the delivery
/// and nothing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum Status {
    /// Waits to be sent.
    Queued,
    /// Handed to the provider, whose answer was lost.
    Uncertain,
    /// The provider accepted it.
    Sent,
    /// It will not be delivered.
    Failed,
    /// It is on the device.
    Delivered,
    /// It was read.
    Read,
    /// It was listened to.
    Played,
    /// Of the guest: it is here.
    Received,
}

impl Status {
    /// Whether whoever sends to the provider can know it.
    pub(crate) fn is_reported_by_sender(self) -> bool {
        matches!(
            self,
            Self::Queued | Self::Uncertain | Self::Sent | Self::Failed
        )
    }
}

/// A status for the wire.
pub(crate) fn encode(status: Status) -> DeliveryStatus {
    match status {
        Status::Queued => DeliveryStatus::Queued,
        Status::Uncertain => DeliveryStatus::Uncertain,
        Status::Sent => DeliveryStatus::Sent,
        Status::Failed => DeliveryStatus::Failed,
        Status::Delivered => DeliveryStatus::Delivered,
        Status::Read => DeliveryStatus::Read,
        Status::Played => DeliveryStatus::Played,
        Status::Received => DeliveryStatus::Received,
    }
}

/// A status of an outbound message as the wire names it.
pub(crate) fn decode(status: DeliveryStatus) -> Option<Status> {
    match status {
        DeliveryStatus::Unspecified | DeliveryStatus::Received => None,
        DeliveryStatus::Queued => Some(Status::Queued),
        DeliveryStatus::Uncertain => Some(Status::Uncertain),
        DeliveryStatus::Sent => Some(Status::Sent),
        DeliveryStatus::Failed => Some(Status::Failed),
        DeliveryStatus::Delivered => Some(Status::Delivered),
        DeliveryStatus::Read => Some(Status::Read),
        DeliveryStatus::Played => Some(Status::Played),
    }
}

/// A piece of news.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// Identifies it on its channel for ever.
    pub(crate) external_key: String,
    /// The reported state.
    pub(crate) status: Status,
    /// The provider's code of a failure.
    pub(crate) error_code: String,
    /// The Spanish explanation of a failure.
    pub(crate) error: String,
    /// When the provider says that it happened.
    pub(crate) provider_time: Option<OffsetDateTime>,
    /// When it came.
    pub(crate) received_at: OffsetDateTime,
}

/// What the provider's news is about.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// The company.
    pub(crate) company: CompanyId,
    /// The channel.
    pub(crate) channel: ChannelId,
    /// The provider's id of the message, or empty.
    pub(crate) provider_id: String,
    /// Our id, when the provider echoed it.
    pub(crate) message: Option<MessageId>,
}

/// What became of a piece of news.
#[derive(Clone, Debug)]
pub(crate) enum Taken {
    /// It belongs to this message.
    Applied(Sent),
    /// It had been taken before.
    Repeated(Sent),
    /// Its message is not known yet.
    Parked,
}

/// Takes news from the provider.
pub(crate) async fn take(
    db: &mut PgConnection,
    outbox: &Outbox,
    about: &About,
    news: &News,
    now: OffsetDateTime,
) -> Result<Taken, Error> {
    // Whoever learns the provider's id of a message looks for parked news under
    // the same lock, so that news and id cannot miss each other.
    store::lock_provider_id(db, about.channel, &about.provider_id).await?;
    let Some(message) = find(db, about).await? else {
        store::park(db, about, news, now).await?;
        return Ok(Taken::Parked);
    };
    if !apply(db, outbox, &message, news, now).await? {
        return Ok(Taken::Repeated(message));
    }
    if !about.provider_id.is_empty() && message.provider_id.is_none() {
        adopt(db, outbox, &message, &about.provider_id, now).await?;
    }
    Ok(Taken::Applied(message))
}

async fn find(db: &mut PgConnection, about: &About) -> Result<Option<Sent>, Error> {
    if let Some(id) = about.message {
        let found = messages::locked_by_id(db, id).await?;
        let ours =
            found.filter(|sent| sent.channel == about.channel && sent.company == about.company);
        if ours.is_some() {
            return Ok(ours);
        }
    }
    if about.provider_id.is_empty() {
        return Ok(None);
    }
    let found = messages::locked_by_provider_id(db, about.channel, &about.provider_id).await?;
    Ok(found.filter(|sent| sent.company == about.company))
}

/// Keeps the news and moves the status if it is ahead; false when this very news
/// was kept before.
async fn apply(
    db: &mut PgConnection,
    outbox: &Outbox,
    message: &Sent,
    news: &News,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    if !store::keep(db, message, news).await? {
        return Ok(false);
    }
    // The row is locked, but an earlier piece of the same transaction may have
    // moved it since it was read.
    let current = store::status(db, message.id).await?;
    if news.status > current {
        let (code, error) = match news.status {
            Status::Failed => (news.error_code.as_str(), news.error.as_str()),
            _ => ("", ""),
        };
        messages::set_status(db, message.id, news.status, code, error).await?;
        announce::status_changed(db, outbox, now, message, news.status, error).await?;
    }
    Ok(true)
}

/// Notes the provider's id of a message and applies the news that waited for it.
async fn adopt(
    db: &mut PgConnection,
    outbox: &Outbox,
    message: &Sent,
    provider_id: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    if !messages::set_provider_id(db, message.id, provider_id).await? {
        return Ok(());
    }
    let waiting = store::unpark(
        db,
        message.company,
        message.channel,
        provider_id,
        now - PATIENCE,
    )
    .await?;
    for news in &waiting {
        apply(db, outbox, message, news, now).await?;
    }
    Ok(())
}

/// What the sender says about a message.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The message.
    pub(crate) message: MessageId,
    /// The reported state.
    pub(crate) status: Status,
    /// The provider's id, or empty.
    pub(crate) provider_id: String,
    /// The provider's code of a failure.
    pub(crate) error_code: String,
    /// The Spanish explanation of a failure.
    pub(crate) error: String,
}

/// Takes a report of the sender; answers the status after it.
pub(crate) async fn report(
    db: &mut PgConnection,
    outbox: &Outbox,
    report: &Report,
    now: OffsetDateTime,
) -> Result<Status, Error> {
    if !report.provider_id.is_empty()
        && let Some(channel) = store::channel_of(db, report.message).await?
    {
        // Before the row, in the order in which news from the provider locks.
        store::lock_provider_id(db, channel, &report.provider_id).await?;
    }
    let message = messages::locked_by_id(db, report.message)
        .await?
        .ok_or(Error::MessageUnknown)?;
    let news = News {
        external_key: format!(
            "report:{}:{:?}:{}:{}",
            report.message, report.status, report.provider_id, report.error_code
        ),
        status: report.status,
        error_code: report.error_code.clone(),
        error: report.error.clone(),
        provider_time: None,
        received_at: now,
    };
    apply(db, outbox, &message, &news, now).await?;
    if !report.provider_id.is_empty() && message.provider_id.is_none() {
        adopt(db, outbox, &message, &report.provider_id, now).await?;
    }
    Ok(store::status(db, message.id).await?)
}

/// Drops news that waited or was kept for too long, until the stop.
pub(crate) async fn clean(pool: PgPool, clock: Clock, stop: Stop) -> anyhow::Result<()> {
    loop {
        if let Err(error) = drop_old(&pool, clock.now(), &stop).await {
            tracing::warn!(%error, "old news cannot be dropped, trying again later");
        }
        if stop.within(CLEANING).await {
            return Ok(());
        }
    }
}

async fn drop_old(pool: &PgPool, now: OffsetDateTime, stop: &Stop) -> Result<(), sqlx::Error> {
    let dropped = store::drop_parked(pool, now - PATIENCE).await?;
    if dropped > 0 {
        tracing::warn!(dropped, "news came of messages that never appeared");
    }
    while !stop.is_requested() && store::drop_kept(pool, now - KEPT).await? {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_does_not_undo_a_delivery() {
        for later in [Status::Delivered, Status::Read, Status::Played] {
            assert!(later > Status::Failed, "{later:?}");
        }
        for earlier in [Status::Queued, Status::Uncertain, Status::Sent] {
            assert!(earlier < Status::Failed, "{earlier:?}");
        }
    }
}
