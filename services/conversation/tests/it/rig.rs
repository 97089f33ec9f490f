//! A running conversation service and what tests say to it.

mod callers;

use std::{sync::Arc, time::Duration};

use auth::{Call, Caller, ContextGate, ContextKeys, ContextSigner, Role, ServiceTokens};
use chassis::{Clock, Service, Stop, Upstream, code::Refusal, config::Secret};
use conversation::Config;
use events::{Bus, MemoryBus};
use host::{Host, UpstreamUris, Upstreams};
use proto::conversation::v1::{
    Chat, DeliveryStatus, GuestIdentity, IdentityKind, InboundEvent, InboundMessage, InboundStatus,
    IngestEventsRequest, IngestOutcome, IngestResult, ListChatsRequest, Message,
    ReportDeliveryRequest, SendMessageRequest, chat_service_client::ChatServiceClient,
    guest_service_client::GuestServiceClient, inbound_event,
    ingest_service_client::IngestServiceClient,
};
use sqlx::PgPool;
use time::OffsetDateTime;
use tonic::{Response, Status};

pub use callers::{admin, client, connector, user};

/// The company of most tests.
pub const COMPANY: i64 = 3;

/// Its WhatsApp channel.
pub const CHANNEL: i64 = 12;

/// A conversation service in this process.
pub struct Rig {
    pub pool: PgPool,
    pub clock: Clock,
    upstream: Upstream,
    signer: ContextSigner,
}

/// Usable settings.
pub fn config() -> Config {
    Config {
        guest_token_key: Secret::new("0123456789abcdef0123456789abcdef"),
    }
}

/// The keys of a test.
pub fn keys() -> ContextKeys {
    let (signing_key, public) = auth::generate("test-1").unwrap();
    ContextKeys {
        signing_key,
        trusted_keys: vec![public],
        ..ContextKeys::default()
    }
}

/// Builds the service on `upstreams`.
pub async fn build(
    pool: PgPool,
    clock: Clock,
    context: ContextKeys,
    upstreams: Upstreams,
    stop: Stop,
) -> Service {
    let identity = upstreams.identity.clone();
    let host = Host {
        name: "conversation",
        schema: "conversation",
        tokens: ServiceTokens::new("conversation", Secret::default(), identity, clock.clone()),
        clock,
        pool,
        bus: Bus::Memory(MemoryBus::default()),
        upstreams,
        context: Arc::new(context),
        stop,
    };
    (conversation::spec().build)(config(), host).await.unwrap()
}

impl Rig {
    /// The service alone: nothing runs beside its routes.
    pub async fn start(pool: PgPool) -> Self {
        let clock = Clock::set_to(Clock::system().now());
        let context = keys();
        let upstreams = Upstreams::remote(&UpstreamUris::default()).unwrap();
        let service = build(
            pool.clone(),
            clock.clone(),
            context.clone(),
            upstreams,
            Stop::default(),
        )
        .await;
        let (upstream, slot) = Upstream::local();
        let gate = ContextGate::new(&context, clock.clone()).unwrap();
        slot.fill(chassis::grpc::stack(service.routes, gate));
        Self {
            pool,
            upstream,
            signer: ContextSigner::new(&context, clock.clone()).unwrap(),
            clock,
        }
    }

    /// A call in the name of `caller`.
    pub fn call(&self, caller: &Caller) -> Call {
        let token = self.signer.mint(caller).unwrap();
        Call::new(&token, Duration::from_secs(30)).unwrap()
    }

    pub fn chats(&self) -> ChatServiceClient<Upstream> {
        ChatServiceClient::new(self.upstream.clone())
    }

    pub fn guests(&self) -> GuestServiceClient<Upstream> {
        GuestServiceClient::new(self.upstream.clone())
    }

    pub fn ingest_service(&self) -> IngestServiceClient<Upstream> {
        IngestServiceClient::new(self.upstream.clone())
    }

    /// A company with a department and one agent in it.
    pub async fn with_agent(self, company: i64, department: i64, agent: i64) -> Self {
        self.department(company, department).await;
        self.agent(agent, company, Some(department), Role::Chat)
            .await;
        self
    }

    /// Announces a department.
    pub async fn department(&self, company: i64, department: i64) {
        sqlx::query("INSERT INTO conversation.department VALUES ($1, $2, 'Soporte', true, '')")
            .bind(department)
            .bind(company)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Announces an active user.
    pub async fn agent(&self, user: i64, company: i64, department: Option<i64>, role: Role) {
        sqlx::query(
            "INSERT INTO conversation.agent VALUES ($1, $2, $3, $4, $5, $6, true)
             ON CONFLICT (user_id) DO UPDATE SET active = true",
        )
        .bind(user)
        .bind(company)
        .bind(department)
        .bind(role.number())
        .bind(format!("Agente {user}"))
        .bind(format!("agente{user}@atencion.test"))
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Reports events as the connector does.
    pub async fn ingest(&self, events: Vec<InboundEvent>) -> Vec<IngestResult> {
        let call = self.call(&connector());
        let answer = self
            .ingest_service()
            .ingest_events(call.request(IngestEventsRequest { events }))
            .await;
        answer.unwrap().into_inner().results
    }

    /// Reports one event and answers its chat and message.
    pub async fn take(&self, event: InboundEvent) -> IngestResult {
        self.ingest(vec![event]).await.remove(0)
    }

    /// What the connector says about a message it sends.
    pub async fn report(
        &self,
        message: i64,
        status: DeliveryStatus,
        provider_id: &str,
    ) -> DeliveryStatus {
        let request = ReportDeliveryRequest {
            message_id: message,
            status: status.into(),
            provider_id: provider_id.into(),
            error_code: String::new(),
            error: String::new(),
        };
        let answer = self
            .ingest_service()
            .report_delivery(self.call(&connector()).request(request))
            .await;
        answer.unwrap().into_inner().status()
    }

    /// Writes into a chat.
    pub async fn send(
        &self,
        caller: &Caller,
        chat: i64,
        text: &str,
        key: &str,
    ) -> Result<Message, Refusal> {
        let request = SendMessageRequest {
            chat_id: chat,
            text: text.into(),
            idempotency_key: key.into(),
        };
        let sent = self
            .chats()
            .send_message(self.call(caller).request(request))
            .await;
        answer(sent).map(|sent| sent.message.unwrap())
    }

    /// The chats a caller sees.
    pub async fn list(&self, caller: &Caller, name: &str) -> Vec<Chat> {
        let request = ListChatsRequest {
            page: Some(proto::common::v1::PageRequest {
                unpaged: true,
                ..Default::default()
            }),
            name: name.into(),
        };
        let listed = self
            .chats()
            .list_chats(self.call(caller).request(request))
            .await;
        listed.unwrap().into_inner().chats
    }

    /// The messages of a chat as a caller sees them.
    pub async fn messages(&self, caller: &Caller, chat: i64) -> Vec<Message> {
        let request = proto::conversation::v1::GetChatMessagesRequest {
            chat_id: chat,
            ..Default::default()
        };
        let read = self
            .chats()
            .get_chat_messages(self.call(caller).request(request))
            .await;
        read.unwrap().into_inner().messages
    }

    /// The data of all events of a kind, in the order they were recorded.
    pub async fn announced<M: prost::Message + Default>(&self, kind: &str) -> Vec<M> {
        let rows: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT data FROM conversation.outbox WHERE type = $1 ORDER BY seq")
                .bind(kind)
                .fetch_all(&self.pool)
                .await
                .unwrap();
        rows.iter()
            .map(|data| M::decode(data.as_slice()).unwrap())
            .collect()
    }

    /// How many rows a table of the service has.
    pub async fn count(&self, table: &'static str) -> i64 {
        let statement = format!("SELECT count(*) FROM conversation.{table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// A chat of a guest who has just written, assigned as the routing says.
    pub async fn chat_of(&self, phone: &str) -> i64 {
        let key = format!("m:first-{phone}");
        let event = message(&key, phone, "Hola", self.clock.now());
        self.take(event).await.chat_id
    }

    /// The texts of a chat in the order shown.
    pub async fn texts(&self, caller: &Caller, chat: i64) -> Vec<String> {
        let messages = self.messages(caller, chat).await;
        messages.into_iter().map(|message| message.text).collect()
    }
}

/// A name of a guest.
pub fn identity(kind: IdentityKind, value: &str) -> GuestIdentity {
    GuestIdentity {
        kind: kind.into(),
        value: value.into(),
    }
}

/// A time for the wire.
pub fn wire_time(at: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap(),
    }
}

/// A WhatsApp message from a number, written at `at`. The provider's id is the
/// key without its prefix.
pub fn message(key: &str, phone: &str, text: &str, at: OffsetDateTime) -> InboundEvent {
    message_of(key, vec![identity(IdentityKind::WaPhone, phone)], text, at)
}

/// A WhatsApp message of somebody with these names.
pub fn message_of(
    key: &str,
    identities: Vec<GuestIdentity>,
    text: &str,
    at: OffsetDateTime,
) -> InboundEvent {
    InboundEvent {
        company_id: COMPANY,
        channel_id: CHANNEL,
        channel_type: "whatsappfb".into(),
        external_key: key.into(),
        provider_time: Some(wire_time(at)),
        received_at: Some(wire_time(at)),
        event: Some(inbound_event::Event::Message(InboundMessage {
            identities,
            profile_name: String::new(),
            provider_id: key.trim_start_matches("m:").into(),
            kind: "text".into(),
            text: text.into(),
            reply_to_provider_id: String::new(),
            media_filename: String::new(),
        })),
        provider_sequence: 0,
    }
}

/// The same event with a change to its message.
pub fn with(mut event: InboundEvent, change: impl FnOnce(&mut InboundMessage)) -> InboundEvent {
    if let Some(inbound_event::Event::Message(message)) = &mut event.event {
        change(message);
    }
    event
}

/// News of an outbound message.
pub fn news(provider_id: &str, status: DeliveryStatus, at: OffsetDateTime) -> InboundEvent {
    InboundEvent {
        external_key: format!("s:{provider_id}:{}", status.as_str_name()),
        event: Some(inbound_event::Event::Status(InboundStatus {
            provider_id: provider_id.into(),
            message_id: 0,
            status: status.into(),
            error_code: if status == DeliveryStatus::Failed {
                "131026"
            } else {
                ""
            }
            .into(),
            error: if status == DeliveryStatus::Failed {
                "No se pudo entregar."
            } else {
                ""
            }
            .into(),
        })),
        ..message("", "1", "", at)
    }
}

/// What became of events.
pub fn outcomes(results: &[IngestResult]) -> Vec<IngestOutcome> {
    results.iter().map(IngestResult::outcome).collect()
}

/// The message of an answer, or why it was refused.
pub fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Refusal> {
    answer
        .map(Response::into_inner)
        .map_err(|status| chassis::code::refusal(&status))
}

/// The wrong field of a refusal and why it is wrong.
pub fn wrong_field(refusal: &Refusal) -> (&str, &str) {
    let (field, reason) = refusal.fields.first().unwrap();
    (field, reason)
}
