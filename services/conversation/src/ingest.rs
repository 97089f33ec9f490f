//! Taking what providers report, each event exactly once, in a transaction of
//! its own.

mod media;
mod rpc;

use auth::{ChannelId, ChatId, CompanyId, MessageId};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

pub(crate) use rpc::IngestDesk;

use crate::{
    chats::{self, Line, Opener},
    delivery::{self, About, News, Status, Taken},
    error::Error,
    guests::{self, Identity, Name, Sighting},
    messages::{self, Direction, Draft},
    wiring::Wiring,
};

/// How far the clock of a provider may be ahead of ours before its times are not
/// believed.
const TRUSTED_LEAD: Duration = Duration::minutes(5);

/// Something a provider reported.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) company: CompanyId,
    pub(crate) channel: ChannelId,
    pub(crate) channel_type: String,
    pub(crate) external_key: String,
    pub(crate) provider_time: Option<OffsetDateTime>,
    pub(crate) provider_seq: i64,
    pub(crate) received_at: OffsetDateTime,
    pub(crate) what: What,
}

/// What was reported.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A message of a guest.
    Message(Inbound),
    /// News of a message of ours.
    News(About, News),
}

/// A message of a guest.
#[derive(Clone, Debug)]
pub(crate) struct Inbound {
    pub(crate) identities: Vec<Identity>,
    pub(crate) profile_name: String,
    pub(crate) provider_id: String,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) reply_to_provider_id: String,
    pub(crate) media_filename: String,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It took effect now.
    Stored(ChatId, MessageId),
    /// It had taken effect before.
    Duplicate(ChatId, MessageId),
    /// It waits for its message.
    Parked,
}

impl Event {
    /// Where a message is shown: when the provider says that it was written,
    /// unless that is in the future.
    fn ordered_at(&self) -> OffsetDateTime {
        self.provider_time
            .filter(|at| *at <= self.received_at.saturating_add(TRUSTED_LEAD))
            .unwrap_or(self.received_at)
    }
}

/// Takes one event, all or nothing.
pub(crate) async fn take(wiring: &Wiring, event: &Event) -> Result<Outcome, Error> {
    let mut tx = wiring.begin().await?;
    let now = wiring.clock.now();
    let outcome = match &event.what {
        What::Message(inbound) => take_message(&mut tx, wiring, event, inbound, now).await?,
        What::News(about, news) => {
            match delivery::take(&mut tx, &wiring.outbox, about, news, now).await? {
                Taken::Applied(sent) => Outcome::Stored(sent.chat, sent.id),
                Taken::Repeated(sent) => Outcome::Duplicate(sent.chat, sent.id),
                Taken::Parked => Outcome::Parked,
            }
        }
    };
    tx.commit().await?;
    Ok(outcome)
}

async fn take_message(
    db: &mut PgConnection,
    wiring: &Wiring,
    event: &Event,
    inbound: &Inbound,
    now: OffsetDateTime,
) -> Result<Outcome, Error> {
    let ordered_at = event.ordered_at();
    let sighting = Sighting {
        company: event.company,
        channel: event.channel,
        identities: &inbound.identities,
        name: Name::of_profile(&inbound.profile_name, &inbound.identities, ordered_at),
        at: ordered_at,
    };
    // The same event comes from the same guest, so it is not being taken at this moment.
    guests::take_turns(db, &sighting).await?;
    if let Some(known) = known(db, event).await? {
        return Ok(known);
    }
    let guest = guests::resolve_in_turn(db, &sighting, now).await?;
    let line = Line {
        company: event.company,
        channel: event.channel,
        channel_type: &event.channel_type,
        guest,
    };
    let mut chat = chats::open_for(db, &wiring.outbox, line, &Opener::Guest, now).await?;
    if let Some(message) = messages::by_provider_id(db, chat.id, &inbound.provider_id).await? {
        return Ok(Outcome::Duplicate(chat.id, message));
    }
    let draft = Draft {
        direction: Direction::Inbound,
        kind: messages::known_kind(&inbound.kind).to_owned(),
        text: inbound.text.clone(),
        media_filename: inbound.media_filename.clone(),
        reply_to_provider_id: inbound.reply_to_provider_id.clone(),
        sender: None,
        status: Status::Received,
        provider_id: Some(inbound.provider_id.clone()).filter(|id| !id.is_empty()),
        provider_time: event.provider_time,
        provider_seq: event.provider_seq,
        ordered_at,
        received_at: event.received_at,
        external_key: Some(event.external_key.clone()),
        start_key: None,
    };
    let message = messages::append(db, &wiring.outbox, &mut chat, &draft, now).await?;
    Ok(Outcome::Stored(chat.id, message.id))
}

async fn known(db: &mut PgConnection, event: &Event) -> Result<Option<Outcome>, Error> {
    let found = messages::by_external_key(db, event.channel, &event.external_key).await?;
    Ok(found.map(|(chat, message)| Outcome::Duplicate(chat, message)))
}
