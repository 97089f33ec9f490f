//! IngestService: only channel-connector may call it.

use auth::{ChannelId, CompanyId, MessageId};
use chassis::{FieldViolation, crash};
use proto::conversation::v1::{
    AttachMediaRequest, AttachMediaResponse, InboundEvent, InboundMessage, InboundStatus,
    IngestEventsRequest, IngestEventsResponse, IngestOutcome, IngestResult, ReportDeliveryRequest,
    ReportDeliveryResponse, inbound_event, ingest_service_server::IngestService,
};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::{Event, Inbound, Outcome, What, media, take};
use crate::{
    CONNECTOR,
    delivery::{self, About, News, Report},
    error::Error,
    guests::{self, Identity},
    messages::{storable, time_of},
    wiring::Wiring,
};

/// The most events of one batch.
const LARGEST_BATCH: usize = 1000;

/// The most names of one sender.
const MOST_IDENTITIES: usize = 16;

/// The longest key of an event, in bytes.
const LONGEST_KEY: usize = 600;

/// The longest id of a provider, in bytes; anything longer is no id.
const LONGEST_PROVIDER_ID: usize = 600;

/// The longest text that is kept of a message, in characters.
const LONGEST_TEXT: usize = 65_536;

/// Answers IngestService.
pub(crate) struct IngestDesk(pub(crate) Wiring);

#[tonic::async_trait]
impl IngestService for IngestDesk {
    async fn ingest_events(
        &self,
        request: Request<IngestEventsRequest>,
    ) -> Result<Response<IngestEventsResponse>, Status> {
        check_caller(&request)?;
        let events = request.into_inner().events;
        if events.len() > LARGEST_BATCH {
            let description = format!("a batch has at most {LARGEST_BATCH} events");
            return Err(Error::field("events", "TOO_LONG", description).into());
        }
        let now = self.0.clock.now();
        // Nothing of a batch with a mistake in it is stored.
        let events = events
            .into_iter()
            .map(|event| decode(event, now))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|wrong| Error::Invalid(vec![wrong]))?;
        let mut results = Vec::with_capacity(events.len());
        for event in &events {
            results.push(encode(take(&self.0, event).await?));
        }
        crash::point("ingest.committed");
        Ok(Response::new(IngestEventsResponse { results }))
    }

    async fn report_delivery(
        &self,
        request: Request<ReportDeliveryRequest>,
    ) -> Result<Response<ReportDeliveryResponse>, Status> {
        check_caller(&request)?;
        let report = decode_report(&request.into_inner())?;
        let mut tx = self.0.begin().await?;
        let now = self.0.clock.now();
        let status = delivery::report(&mut tx, &self.0.outbox, &report, now).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok(Response::new(ReportDeliveryResponse {
            status: delivery::encode(status).into(),
        }))
    }

    async fn attach_media(
        &self,
        request: Request<AttachMediaRequest>,
    ) -> Result<Response<AttachMediaResponse>, Status> {
        check_caller(&request)?;
        let arrived = media::decode(&request.into_inner())?;
        let message = media::attach(&self.0, &arrived).await?;
        Ok(Response::new(AttachMediaResponse {
            message_id: message.0,
        }))
    }
}

fn check_caller<T>(request: &Request<T>) -> Result<(), Status> {
    if auth::caller(request)?.is_service(CONNECTOR) {
        return Ok(());
    }
    Err(Error::OnlyFor(CONNECTOR).into())
}

fn wrong(field: &'static str, description: impl Into<String>) -> FieldViolation {
    FieldViolation {
        field,
        reason: "INVALID",
        description: description.into(),
    }
}

fn decode(event: InboundEvent, now: OffsetDateTime) -> Result<Event, FieldViolation> {
    let company = CompanyId::present(event.company_id)
        .ok_or_else(|| wrong("company_id", "an event belongs to a company"))?;
    let channel = ChannelId::present(event.channel_id)
        .ok_or_else(|| wrong("channel_id", "an event comes through a channel"))?;
    let external_key = storable(&event.external_key);
    if external_key.is_empty() || external_key.len() > LONGEST_KEY {
        let description = format!("the key of an event has 1 to {LONGEST_KEY} bytes");
        return Err(wrong("external_key", description));
    }
    let provider_time = event.provider_time.and_then(time_of);
    let received_at = event.received_at.and_then(time_of).unwrap_or(now);
    let what = match event.event {
        Some(inbound_event::Event::Message(message)) => What::Message(decode_message(message)?),
        Some(inbound_event::Event::Status(status)) => {
            let news = decode_news(&status, &external_key, provider_time, received_at)?;
            What::News(decode_about(company, channel, &status)?, news)
        }
        None => return Err(wrong("event", "an event is a message or a status")),
    };
    Ok(Event {
        company,
        channel,
        channel_type: storable(&event.channel_type),
        external_key,
        provider_time,
        provider_seq: event.provider_sequence,
        received_at,
        what,
    })
}

fn decode_message(message: InboundMessage) -> Result<Inbound, FieldViolation> {
    let identities = message
        .identities
        .iter()
        .map(|identity| {
            let (kind, value) = guests::decode_identity(identity)
                .ok_or_else(|| wrong("identities", "an identity needs a kind"))?;
            Identity::reported(kind, value)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if identities.is_empty() || identities.len() > MOST_IDENTITIES {
        let description = format!("a sender has 1 to {MOST_IDENTITIES} identities");
        return Err(wrong("identities", description));
    }
    Ok(Inbound {
        identities,
        profile_name: message.profile_name,
        provider_id: provider_id(&message.provider_id)?,
        kind: message.kind,
        text: storable(&message.text).chars().take(LONGEST_TEXT).collect(),
        reply_to_provider_id: provider_id(&message.reply_to_provider_id)?,
        media_filename: storable(&message.media_filename),
    })
}

fn decode_about(
    company: CompanyId,
    channel: ChannelId,
    status: &InboundStatus,
) -> Result<About, FieldViolation> {
    let about = About {
        company,
        channel,
        provider_id: provider_id(&status.provider_id)?,
        message: MessageId::present(status.message_id),
    };
    if about.provider_id.is_empty() && about.message.is_none() {
        return Err(wrong("provider_id", "a status is about a message"));
    }
    Ok(about)
}

fn decode_news(
    status: &InboundStatus,
    external_key: &str,
    provider_time: Option<OffsetDateTime>,
    received_at: OffsetDateTime,
) -> Result<News, FieldViolation> {
    Ok(News {
        external_key: external_key.to_owned(),
        status: delivery::decode(status.status())
            .ok_or_else(|| wrong("status", "not a status of an outbound message"))?,
        error_code: storable(&status.error_code),
        error: storable(&status.error),
        provider_time,
        received_at,
    })
}

fn decode_report(request: &ReportDeliveryRequest) -> Result<Report, Error> {
    let invalid = |violation| Error::Invalid(vec![violation]);
    Ok(Report {
        message: MessageId(request.message_id),
        status: delivery::decode(request.status())
            .filter(|status| status.is_reported_by_sender())
            .ok_or_else(|| invalid(wrong("status", "not a status that a sender reports")))?,
        provider_id: provider_id(&request.provider_id).map_err(invalid)?,
        error_code: storable(&request.error_code),
        error: storable(&request.error),
    })
}

fn provider_id(text: &str) -> Result<String, FieldViolation> {
    if text.len() > LONGEST_PROVIDER_ID {
        let description = format!("the id of a provider has at most {LONGEST_PROVIDER_ID} bytes");
        return Err(wrong("provider_id", description));
    }
    Ok(storable(text))
}

fn encode(outcome: Outcome) -> IngestResult {
    let (outcome, chat, message) = match outcome {
        Outcome::Stored(chat, message) => (IngestOutcome::Stored, chat.0, message.0),
        Outcome::Duplicate(chat, message) => (IngestOutcome::Duplicate, chat.0, message.0),
        Outcome::Parked => (IngestOutcome::Parked, 0, 0),
    };
    IngestResult {
        outcome: outcome.into(),
        chat_id: chat,
        message_id: message,
    }
}
