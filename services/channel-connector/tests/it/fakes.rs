//! Doubles of the services that channel-connector calls.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use auth::{Caller, ContextSigner};
use proto::{
    conversation::v1::{
        AttachMediaRequest, AttachMediaResponse, InboundEvent, IngestEventsRequest,
        IngestEventsResponse, IngestOutcome, IngestResult, Message, ReportDeliveryRequest,
        ReportDeliveryResponse, StartMessageRequest, StartMessageResponse,
        chat_service_server::ChatService, ingest_service_server::IngestService,
    },
    events::v1::{Event, ReadRequest, ReadResponse, event_log_service_server::EventLogService},
    identity::v1::{
        IssueServiceTokenRequest, IssueServiceTokenResponse,
        authentication_service_server::AuthenticationService,
    },
    tenancy::v1::{
        Company, GetCompanyRequest, GetCompanyResponse, company_service_server::CompanyService,
    },
};
use tokio::sync::Semaphore;
use tonic::{Code, Request, Response, Status};

/// The secret by which identity knows the service.
pub const SERVICE_SECRET: &str = "connector-secret";

/// Conversation as the connector sees it. Cloning shares it.
#[derive(Clone, Default)]
pub struct Conversation(pub Arc<Mutex<State>>);

/// What it has heard and what it shall do.
#[derive(Default)]
pub struct State {
    /// Events that took effect, in order.
    pub events: Vec<InboundEvent>,
    /// The sizes of the batches.
    pub calls: usize,
    seen: HashSet<(i64, String)>,
    /// Answers to give instead of taking a batch.
    pub refusals: VecDeque<Code>,
    /// A text that makes the event that carries it unacceptable.
    pub poison: Option<String>,
    pub reports: Vec<ReportDeliveryRequest>,
    pub report_refusals: VecDeque<Code>,
    /// Files that messages carry, in the order they were told of.
    pub attached: Vec<AttachMediaRequest>,
    pub attach_refusals: VecDeque<Code>,
    pub started: Vec<StartMessageRequest>,
    /// What `StartMessage` answers instead.
    pub start_refusal: Option<Status>,
    pub log: Vec<Event>,
    /// Closed while calls hang.
    gate: Option<Arc<Semaphore>>,
}

/// Has calls hang until it is dropped.
pub struct Hanging(Conversation, Arc<Semaphore>);

impl Hanging {
    /// New calls are answered; those that hang go on hanging.
    pub fn only_those_that_wait(&self) {
        self.0.with(|state| state.gate = None);
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.only_those_that_wait();
        self.1.close();
    }
}

impl Conversation {
    /// Looks at or changes its state.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Answers no call for events from now on.
    pub fn hang(&self) -> Hanging {
        let gate = Arc::new(Semaphore::new(0));
        self.with(|state| state.gate = Some(Arc::clone(&gate)));
        Hanging(self.clone(), gate)
    }
}

fn only_connector<T>(request: &Request<T>) -> Result<(), Status> {
    if auth::caller(request)?.is_service("channel-connector") {
        Ok(())
    } else {
        Err(Status::permission_denied("only channel-connector"))
    }
}

#[tonic::async_trait]
impl IngestService for Conversation {
    async fn ingest_events(
        &self,
        request: Request<IngestEventsRequest>,
    ) -> Result<Response<IngestEventsResponse>, Status> {
        only_connector(&request)?;
        let events = request.into_inner().events;
        let gate = self.with(|state| {
            state.calls += 1;
            state.gate.clone()
        });
        if let Some(gate) = gate {
            // It opens by being closed for good.
            let _ = gate.acquire().await;
        }
        let mut state = self.0.lock().unwrap();
        if let Some(code) = state.refusals.pop_front() {
            return Err(Status::new(code, "as the test wishes"));
        }
        let mut results = Vec::new();
        for event in events {
            strict(&event)?;
            if let Some(poison) = &state.poison
                && format!("{event:?}").contains(poison)
            {
                return Err(Status::invalid_argument("poison"));
            }
            let new = state
                .seen
                .insert((event.channel_id, event.external_key.clone()));
            if new {
                state.events.push(event);
            }
            let outcome = if new {
                IngestOutcome::Stored
            } else {
                IngestOutcome::Duplicate
            };
            results.push(IngestResult {
                outcome: outcome.into(),
                chat_id: 1,
                message_id: 1,
            });
        }
        Ok(Response::new(IngestEventsResponse { results }))
    }

    async fn report_delivery(
        &self,
        request: Request<ReportDeliveryRequest>,
    ) -> Result<Response<ReportDeliveryResponse>, Status> {
        only_connector(&request)?;
        let report = request.into_inner();
        let mut state = self.0.lock().unwrap();
        if let Some(code) = state.report_refusals.pop_front() {
            return Err(Status::new(code, "as the test wishes"));
        }
        let status = report.status;
        state.reports.push(report);
        Ok(Response::new(ReportDeliveryResponse { status }))
    }

    async fn attach_media(
        &self,
        request: Request<AttachMediaRequest>,
    ) -> Result<Response<AttachMediaResponse>, Status> {
        only_connector(&request)?;
        let told = request.into_inner();
        let mut state = self.0.lock().unwrap();
        if let Some(code) = state.attach_refusals.pop_front() {
            return Err(Status::new(code, "as the test wishes"));
        }
        if !state
            .seen
            .contains(&(told.channel_id, told.external_key.clone()))
        {
            return Err(Status::not_found("there is no such message"));
        }
        state.attached.push(told);
        Ok(Response::new(AttachMediaResponse { message_id: 1 }))
    }
}

/// Refuses what the contract does not allow.
fn strict(event: &InboundEvent) -> Result<(), Status> {
    use proto::conversation::v1::inbound_event::Event as Kind;
    let complete = event.company_id > 0
        && event.channel_id > 0
        && !event.channel_type.is_empty()
        && (1..=600).contains(&event.external_key.len())
        && event.provider_time.is_some()
        && event.received_at.is_some();
    let kinds = [
        "text",
        "image",
        "audio",
        "video",
        "document",
        "sticker",
        "location",
        "contacts",
        "interactive",
        "reaction",
        "unsupported",
    ];
    let sound = match &event.event {
        Some(Kind::Message(message)) => {
            !message.identities.is_empty()
                && message
                    .identities
                    .iter()
                    .all(|identity| (1..=191).contains(&identity.value.chars().count()))
                && !message.provider_id.is_empty()
                && kinds.contains(&message.kind.as_str())
                && !format!("{message:?}").contains('\0')
        }
        Some(Kind::Status(status)) => !status.provider_id.is_empty() && status.status > 0,
        None => false,
    };
    if complete && sound {
        Ok(())
    } else {
        Err(Status::invalid_argument(format!("incomplete: {event:?}")))
    }
}

#[tonic::async_trait]
impl ChatService for Conversation {
    async fn start_message(
        &self,
        request: Request<StartMessageRequest>,
    ) -> Result<Response<StartMessageResponse>, Status> {
        only_connector(&request)?;
        let wanted = request.into_inner();
        let mut state = self.0.lock().unwrap();
        if let Some(status) = &state.start_refusal {
            return Err(status.clone());
        }
        let repeated = state.started.iter().position(|held| {
            !wanted.idempotency_key.is_empty() && held.idempotency_key == wanted.idempotency_key
        });
        if let Some(place) = repeated
            && state.started[place] != wanted
        {
            return Err(Status::already_exists(
                "the key was used for another message",
            ));
        }
        let place = repeated.unwrap_or_else(|| {
            state.started.push(wanted.clone());
            state.started.len() - 1
        });
        let message = Message {
            message_id: i64::try_from(place).unwrap() + 1,
            chat_id: 77,
            text: wanted.text,
            ..Message::default()
        };
        Ok(Response::new(StartMessageResponse {
            message: Some(message),
        }))
    }
}

#[tonic::async_trait]
impl EventLogService for Conversation {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        only_connector(&request)?;
        let after = request.into_inner().after;
        let state = self.0.lock().unwrap();
        let events = state
            .log
            .iter()
            .filter(|event| event.position > after)
            .cloned()
            .collect();
        let head = i64::try_from(state.log.len()).unwrap();
        Ok(Response::new(ReadResponse {
            events,
            head,
            tail: head.min(1),
        }))
    }
}

/// Identity, which hands out service tokens.
pub struct Identity(pub ContextSigner);

#[tonic::async_trait]
impl AuthenticationService for Identity {
    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Result<Response<IssueServiceTokenResponse>, Status> {
        let asked = request.into_inner();
        if asked.secret != SERVICE_SECRET {
            return Err(Status::unauthenticated("unknown secret"));
        }
        let token = self.0.mint(&Caller::service(&asked.service)).unwrap();
        Ok(Response::new(IssueServiceTokenResponse {
            token,
            lifetime_seconds: 60,
        }))
    }
}

/// Tenancy-admin, which knows the companies 3, 4 and 5; the last one has no access to
/// Telegram and Messenger.
pub struct Tenancy;

#[tonic::async_trait]
impl CompanyService for Tenancy {
    async fn get_company(
        &self,
        request: Request<GetCompanyRequest>,
    ) -> Result<Response<GetCompanyResponse>, Status> {
        only_connector(&request)?;
        let names = HashMap::from([(3, "Empresa Demo"), (4, "Otra Empresa"), (5, "Sin Accesos")]);
        let id = request.into_inner().company_id;
        let name = names
            .get(&id)
            .ok_or_else(|| Status::not_found("no such company"))?;
        Ok(Response::new(GetCompanyResponse {
            company: Some(Company {
                company_id: id,
                name: (*name).to_owned(),
                telegram_access: id != 5,
                messenger_access: id != 5,
                ..Company::default()
            }),
        }))
    }
}
