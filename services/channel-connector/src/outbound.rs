//! Sending: each message once, those to one recipient in order.
//!
//! A message is leased, then marked as being sent, and both are committed before
//! a byte goes out; the provider's answer is committed after it. Whoever finds a
//! message marked as being sent after its lease has run out cannot know whether
//! it went out: it becomes `uncertain` and is not sent again. WhatsApp repeats
//! our id in its statuses, which settles it; Telegram repeats nothing.
//!
//! A message that waits holds up those behind it to the same recipient; one that
//! has failed or is in doubt does not.

mod report;
mod store;

use std::{sync::Arc, time::Duration};

use auth::CompanyId;
use chassis::{Clock, Stop, crash};
use futures_util::{StreamExt, stream::FuturesUnordered};
use proto::{
    conversation::v1::{DeliveryStatus, IdentityKind},
    events::v1::OutboundRequested,
};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

pub(crate) use self::report::Reporter;
use self::store::Leased;
use crate::{
    channels::{ChannelType, Channels, Credentials, own_scope},
    error::{Error, Result},
    media,
    providers::{Fault, GraphApi, Outcome, Outgoing, Provider, TelegramApi},
};

/// How often messages of other replicas, and pauses that have ended, are looked for.
const POLL: Duration = Duration::from_millis(500);

/// A message that could not be sent for so long is too late: WhatsApp's window is over.
const TOO_LATE: time::Duration = time::Duration::hours(24);

/// The pause of a channel or recipient when the provider names none.
const FIRST_PAUSE: time::Duration = time::Duration::seconds(6);
const LONGEST_PAUSE: time::Duration = time::Duration::minutes(5);

/// How often noting an answer is tried.
const NOTING_TRIES: u32 = 20;

/// The longest wait between two attempts.
const LONGEST_WAIT: time::Duration = time::Duration::minutes(15);

/// The sender. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) channels: Channels,
    pub(crate) graph: GraphApi,
    pub(crate) telegram: TelegramApi,
    /// Who holds the leases of this process.
    pub(crate) name: Uuid,
    pub(crate) lease: time::Duration,
    pub(crate) lanes: usize,
    pub(crate) attempts: i32,
    /// Rung when there is something to send.
    pub(crate) queued: Arc<Notify>,
    /// Rung when conversation has to be told.
    pub(crate) settled: Arc<Notify>,
}

/// Puts a requested message into the queue, once. One for a channel that is not the company's
/// has failed at once, and conversation is told.
pub(crate) async fn queue(
    db: &mut PgConnection,
    company: i64,
    requested: &OutboundRequested,
    now: OffsetDateTime,
) -> Result<()> {
    let exists = store::owns_channel(db, company, requested.channel_id).await?;
    let recipient = requested.recipient.clone().unwrap_or_default();
    let (state, error) = if !exists {
        ("failed", "El canal no existe.")
    } else if recipient.value.is_empty() {
        ("failed", "El mensaje no tiene destinatario.")
    } else {
        ("queued", "")
    };
    let row = store::NewOutbound {
        id: Uuid::now_v7(),
        company,
        requested,
        recipient_kind: recipient.kind,
        recipient: &recipient.value,
        state,
        error,
        report: if state == "failed" {
            DeliveryStatus::Failed
        } else {
            DeliveryStatus::Unspecified
        },
    };
    store::insert(db, row, now).await?;
    if !requested.media_filename.is_empty() {
        media::note_use(db, CompanyId(company), &requested.media_filename).await?;
    }
    Ok(())
}

impl Sender {
    /// Sends until the stop; what is in hand then is finished. A provider that hangs holds up
    /// one slot and no more.
    pub(crate) async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let mut running = FuturesUnordered::new();
        while !(stop.is_requested() && running.is_empty()) {
            let free = self.lanes.saturating_sub(running.len());
            let mut leased = 0;
            if free > 0 && !stop.is_requested() {
                match self.lease(free).await {
                    Ok(messages) => {
                        leased = messages.len();
                        running.extend(messages.into_iter().map(|message| self.send_one(message)));
                    }
                    Err(error) => tracing::warn!(%error, "messages wait"),
                }
            }
            tokio::select! {
                Some(outcome) = running.next() => {
                    if let Err(error) = outcome {
                        tracing::warn!(%error, "what became of a message is not noted yet");
                    }
                }
                () = self.queued.notified(), if leased < free => {}
                () = tokio::time::sleep(POLL), if leased < free => {}
                () = stop.requested(), if running.is_empty() => {}
            }
        }
        Ok(())
    }

    /// Takes what is due into hand, after settling what others have left behind.
    async fn lease(&self, free: usize) -> Result<Vec<Leased>> {
        let now = self.clock.now();
        let orphaned = store::take_from_the_dead(&self.pool, now).await?;
        let given_up = store::give_up(&self.pool, now, now - TOO_LATE).await?;
        if orphaned > 0 || given_up {
            self.settled.notify_one();
        }
        let limit = i64::try_from(free).unwrap_or(1);
        store::lease(&self.pool, self.name, now, now + self.lease, limit).await
    }

    async fn send_one(&self, message: Leased) -> Result<()> {
        let prepared = self.prepare(&message).await;
        let (credentials, outgoing) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::warn!(outbound = %message.id, %error, "a message cannot be prepared");
                let fault = Fault {
                    code: "prepare".into(),
                    detail: error.to_string(),
                    spanish: "El mensaje no se pudo preparar.",
                };
                return self.settle(&message, Outcome::Retry(fault), "leased").await;
            }
        };
        // A file takes a call of its own.
        let calls = if outgoing.file.is_some() { 2 } else { 1 };
        let until = self.clock.now() + self.lease * calls;
        if !store::begin_sending(&self.pool, &message, self.name, until).await? {
            // The lease ran out, or a status has settled the message meanwhile.
            return Ok(());
        }
        crash::point("outbound.sending");
        let outcome = match credentials.channel.kind {
            ChannelType::Telegram => self.telegram.send(&credentials, &outgoing).await,
            kind if kind.is_whatsapp() => self.graph.send(&credentials, &outgoing).await,
            _ => Outcome::Failed(Fault {
                code: "type".into(),
                detail: "nothing sends through this type of channel".into(),
                spanish: "Este canal todavía no envía mensajes.",
            }),
        };
        crash::point("outbound.posted");
        let outcome = self.heed_refusal(&credentials, outcome).await;
        self.settle(&message, outcome, "sending").await
    }

    /// Notes on the channel that its credentials are refused. If it was given others meanwhile,
    /// the message is tried again with those.
    async fn heed_refusal(&self, used: &Credentials, outcome: Outcome) -> Outcome {
        let Outcome::Unauthorized(fault) = outcome else {
            return outcome;
        };
        let channel = used.channel.id.0;
        match self.channels.needs_reauth(used, &fault.detail).await {
            Ok(false) => return Outcome::Retry(fault),
            Ok(true) => tracing::error!(
                channel,
                code = fault.code,
                detail = fault.detail,
                "the channel must be authorized anew, its messages wait"
            ),
            // The next refusal is another chance.
            Err(error) => tracing::warn!(%error, channel, "a refused token is not noted"),
        }
        Outcome::Unauthorized(fault)
    }

    async fn prepare(&self, message: &Leased) -> Result<(Credentials, Outgoing)> {
        let credentials = self
            .channels
            .credentials(own_scope(), auth::ChannelId(message.channel_id))
            .await?;
        let file = match message.media_filename.as_str() {
            "" => None,
            name => Some(media::outgoing(&self.pool, message.company_id, name).await?),
        };
        let recipient_kind = IdentityKind::try_from(message.recipient_kind)
            .map_err(|_| Error::Defect("the kind of the recipient is unknown".into()))?;
        let outgoing = Outgoing {
            id: message.id,
            recipient_kind,
            recipient: message.recipient.clone(),
            text: message.body.clone(),
            reply_to: message.reply_to.clone(),
            file,
        };
        Ok((credentials, outgoing))
    }

    /// Commits what became of an attempt.
    async fn settle(&self, message: &Leased, outcome: Outcome, from: &str) -> Result<()> {
        let now = self.clock.now();
        let change = match outcome {
            Outcome::Sent(provider_id) => store::Change::sent(provider_id),
            Outcome::ThrottledChannel(wait) => {
                let until = now + pause(wait, message.throttles);
                let channel = auth::ChannelId(message.channel_id);
                if let Err(error) = self.channels.pause(channel, until).await {
                    tracing::warn!(%error, channel = channel.0, "the pause of a channel is not kept");
                }
                store::Change::throttled(until)
            }
            Outcome::ThrottledRecipient(wait) => {
                store::Change::throttled(now + pause(wait, message.throttles))
            }
            Outcome::Unauthorized(fault) => store::Change::held(&fault),
            Outcome::Failed(fault) => store::Change::failed(&fault),
            Outcome::Retry(fault) if message.attempts + 1 >= self.attempts => {
                store::Change::failed(&fault)
            }
            Outcome::Retry(fault) => store::Change::retry(&fault, now + backoff(message.attempts)),
            Outcome::Uncertain(fault) => store::Change::uncertain(&fault),
        };
        if change.state != "sent" {
            tracing::warn!(
                outbound = %message.id, channel = message.channel_id, state = change.state,
                code = change.error_code, detail = change.detail, "a message was not sent"
            );
        }
        self.note(message, from, &change).await?;
        self.settled.notify_one();
        // The next one to this recipient may go.
        self.queued.notify_one();
        Ok(())
    }

    /// The provider has answered; a database that is away for a moment must not make that a
    /// message in doubt.
    async fn note(&self, message: &Leased, from: &str, change: &store::Change) -> Result<()> {
        let mut tries = 0;
        loop {
            let now = self.clock.now();
            match store::settle(&self.pool, message, self.name, from, change, now).await {
                Err(Error::Database(error)) if tries < NOTING_TRIES => {
                    tracing::warn!(outbound = %message.id, %error, "an answer waits to be noted");
                    tries += 1;
                    tokio::time::sleep(POLL).await;
                }
                other => return other,
            }
        }
    }
}

/// 2, 4, 8 … seconds and up to a quarter more, so that many do not come back together.
fn backoff(attempts: i32) -> time::Duration {
    let base = time::Duration::seconds(2 << attempts.clamp(0, 9));
    jittered(base.min(LONGEST_WAIT))
}

/// What the provider asks for, a day at most, else 6 seconds doubling.
fn pause(asked: Option<Duration>, throttles: i32) -> time::Duration {
    let asked = asked.map(|wait| {
        time::Duration::try_from(wait)
            .unwrap_or(TOO_LATE)
            .min(TOO_LATE)
    });
    let doubled = FIRST_PAUSE * (1_i32 << throttles.clamp(0, 6));
    asked.unwrap_or_else(|| jittered(doubled.min(LONGEST_PAUSE)))
}

/// Up to a quarter more, so that many do not come back together.
pub(crate) fn jittered(base: time::Duration) -> time::Duration {
    let mut byte = [0_u8; 1];
    // Without randomness there is no jitter, which is no harm.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    base + base * i32::from(byte[0]) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_may_ask_for_any_pause_and_gets_a_day_at_most() {
        assert_eq!(
            pause(Some(Duration::from_secs(7)), 3),
            time::Duration::seconds(7)
        );
        for endless in [Duration::MAX, Duration::from_secs(u64::MAX / 4)] {
            assert_eq!(pause(Some(endless), 0), TOO_LATE);
        }
        assert!(pause(None, i32::MAX) < TOO_LATE);
        assert!(backoff(i32::MAX) < TOO_LATE);
    }
}
