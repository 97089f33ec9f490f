//! A running channel-connector and what tests say to it.

mod posts;
mod probes;

use std::{sync::Arc, time::Duration};

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, ContextGate, ContextKeys,
    ContextSigner, Role, ServiceTokens, SessionId, UserCaller, UserId,
};
use channel_connector::Config;
use chassis::{Clock, Lifecycle, Upstream, code::Refusal, config::Secret};
use events::{Bus, MemoryBus};
use host::{Host, UpstreamUris, Upstreams};
use proto::{
    channel::v1::{
        Channel, ChannelType, ConnectTelegramRequest, CreateChannelRequest,
        channel_service_client::ChannelServiceClient, sending_service_client::SendingServiceClient,
        webhook_service_client::WebhookServiceClient,
    },
    conversation::v1::{
        chat_service_server::ChatServiceServer, ingest_service_server::IngestServiceServer,
    },
    events::v1::event_log_service_server::EventLogServiceServer,
    identity::v1::authentication_service_server::AuthenticationServiceServer,
    tenancy::v1::company_service_server::CompanyServiceServer,
};
use sqlx::PgPool;
use testing::{FakeGraph, FakeTelegram, telegram::TelegramOptions};
use tonic::{Status, service::Routes};
use uuid::Uuid;

use crate::fakes::{Conversation, Identity, SERVICE_SECRET, Tenancy};

/// The company of most tests, and another one.
pub const COMPANY: i64 = 3;
pub const OTHER: i64 = 4;

/// A number of WhatsApp, its access token and the secret of its app.
pub const PHONE: &str = "106540352242922";
pub const TOKEN: &str = "EAAB-token-of-the-number";
pub const APP_SECRET: &str = "app-secret-of-the-company";

/// A bot of Telegram.
pub const BOT: &str = "12345:ABC-def_9";

/// A guest.
pub const GUEST: &str = "50688888888";

/// The service between its doubles. Dropping it stops it.
pub struct Rig {
    pub pool: PgPool,
    pub clock: Clock,
    pub graph: FakeGraph,
    pub telegram: FakeTelegram,
    pub conversation: Conversation,
    pub upstream: Upstream,
    /// Where the service reaches conversation, the double or the real one.
    pub talk: Upstream,
    bus: Bus,
    signer: ContextSigner,
    lifecycle: Lifecycle,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.lifecycle.stop().request();
    }
}

impl Rig {
    /// A service that runs.
    pub async fn start(pool: PgPool) -> Self {
        Self::start_with(pool, |_| {}).await
    }

    /// A service that runs with other settings.
    pub async fn start_with(pool: PgPool, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_beside(pool, None, change).await
    }

    /// A service that tells the real conversation, whose schema is in the same database.
    pub async fn start_together(pool: PgPool) -> Self {
        conversation::MIGRATOR.run(&pool).await.unwrap();
        let settings = conversation::Config {
            guest_token_key: Secret::new("0123456789abcdef0123456789abcdef"),
        };
        Self::start_beside(pool, Some(settings), |_| {}).await
    }

    async fn start_beside(
        pool: PgPool,
        real: Option<conversation::Config>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let clock = Clock::set_to(Clock::system().now());
        let (signing_key, public) = auth::generate("test-1").unwrap();
        let context = ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            service_secret: Secret::new(SERVICE_SECRET),
        };
        let signer = ContextSigner::new(&context, clock.clone()).unwrap();
        let gate = || ContextGate::new(&context, clock.clone()).unwrap();
        let conversation = Conversation::default();
        let serve = |routes: Routes| {
            let (upstream, slot) = Upstream::local();
            slot.fill(chassis::grpc::stack(routes, gate()));
            upstream
        };
        let identity = AuthenticationServiceServer::new(Identity(signer.clone()));
        let identity = serve(Routes::new(identity));
        let lifecycle = Lifecycle::new(Duration::from_secs(5));
        let bus = Bus::Memory(MemoryBus::default());
        let host = |name, schema, upstreams: Upstreams| Host {
            name,
            schema,
            tokens: ServiceTokens::new(
                name,
                context.service_secret.clone(),
                upstreams.identity.clone(),
                clock.clone(),
            ),
            clock: clock.clone(),
            pool: pool.clone(),
            bus: bus.clone(),
            upstreams,
            context: Arc::new(context.clone()),
            stop: lifecycle.stop(),
        };
        let nobody = Upstreams::remote(&UpstreamUris::default()).unwrap();
        let talk = serve(match real {
            Some(settings) => {
                let host = host("conversation", "conversation", nobody.clone());
                let service = (conversation::spec().build)(settings, host).await;
                service.unwrap().routes
            }
            None => Routes::new(IngestServiceServer::new(conversation.clone()))
                .add_service(ChatServiceServer::new(conversation.clone()))
                .add_service(EventLogServiceServer::new(conversation.clone())),
        });
        let upstreams = Upstreams {
            identity,
            conversation: talk.clone(),
            tenancy_admin: serve(Routes::new(CompanyServiceServer::new(Tenancy))),
            ..nobody
        };
        let graph = FakeGraph::start().await;
        graph.register_number(PHONE, TOKEN);
        let telegram = FakeTelegram::start_with(TelegramOptions {
            allow_any_webhook_url: true,
            ..TelegramOptions::default()
        })
        .await;
        telegram.register_bot(BOT);
        let mut config = Config {
            graph_base_url: graph.base_url(),
            telegram_base_url: telegram.base_url(),
            public_url: "https://atencion.test".into(),
            // The same for all replicas of a test.
            encryption_keys: Secret::new(format!("k1:{}=", "A".repeat(43))),
            provider_timeout_seconds: 2,
            ..Config::default()
        };
        change(&mut config);
        let host = host("channel-connector", "channel", upstreams);
        let service = (channel_connector::spec().build)(config, host)
            .await
            .unwrap();
        let upstream = serve(service.routes);
        for task in service.tasks {
            lifecycle.spawn(task);
        }
        Self {
            pool,
            clock,
            graph,
            telegram,
            conversation,
            upstream,
            talk,
            bus,
            signer,
            lifecycle,
        }
    }

    /// A call in the name of `caller`.
    pub fn call(&self, caller: &Caller) -> Call {
        let token = self.signer.mint(caller).unwrap();
        Call::new(&token, Duration::from_secs(30)).unwrap()
    }

    pub fn channels(&self) -> ChannelServiceClient<Upstream> {
        ChannelServiceClient::new(self.upstream.clone())
    }

    pub fn sending(&self) -> SendingServiceClient<Upstream> {
        SendingServiceClient::new(self.upstream.clone()).max_encoding_message_size(8 * 1024 * 1024)
    }

    pub fn webhooks(&self) -> WebhookServiceClient<Upstream> {
        WebhookServiceClient::new(self.upstream.clone()).max_encoding_message_size(8 * 1024 * 1024)
    }

    /// A WhatsApp channel of the company.
    pub async fn whatsapp(&self) -> Channel {
        self.whatsapp_of(COMPANY, PHONE, APP_SECRET).await
    }

    pub async fn whatsapp_of(&self, company: i64, phone: &str, secret: &str) -> Channel {
        let request = CreateChannelRequest {
            company_id: company,
            name: "WhatsApp Principal".into(),
            r#type: ChannelType::Whatsappfb.into(),
            app: phone.into(),
            token: TOKEN.into(),
            secret_key: secret.into(),
            additional_app_id: String::new(),
            idempotency_key: String::new(),
        };
        self.create(request).await.unwrap()
    }

    /// A bot of the company, without a webhook.
    pub async fn bot(&self) -> Channel {
        self.bot_of(COMPANY, BOT).await
    }

    /// A bot of the company whose webhook is registered.
    pub async fn connect_bot(&self) -> Channel {
        let request = ConnectTelegramRequest {
            bot_token: BOT.into(),
            company_id: COMPANY,
            name: "Bot soporte".into(),
            idempotency_key: String::new(),
        };
        let call = self.call(&platform());
        let answer = self
            .channels()
            .connect_telegram(call.request(request))
            .await;
        answer.unwrap().into_inner().channel.unwrap()
    }

    pub async fn bot_of(&self, company: i64, token: &str) -> Channel {
        let request = CreateChannelRequest {
            company_id: company,
            name: "Bot soporte".into(),
            r#type: ChannelType::Telegram.into(),
            app: token.into(),
            ..CreateChannelRequest::default()
        };
        self.create(request).await.unwrap()
    }

    pub async fn create(&self, request: CreateChannelRequest) -> Result<Channel, Status> {
        let call = self.call(&platform());
        let answer = self
            .channels()
            .create_channel(call.request(request))
            .await?;
        Ok(answer.into_inner().channel.unwrap())
    }
}

/// The platform's API client, whose home is the company.
pub fn platform() -> Caller {
    Caller {
        client: Some(ClientCaller {
            id: ClientId(1),
            authority: Authority::Platform,
            company: Some(CompanyId(COMPANY)),
            scopes: vec![],
        }),
        ..Caller::service("edge")
    }
}

/// A user of a company, by way of the platform's client.
pub fn user(company: i64, role: Role) -> Caller {
    Caller {
        user: Some(UserCaller {
            id: UserId(7),
            name: "Agente 1".into(),
            role,
            company: CompanyId(company),
            department: None,
            session: SessionId(Uuid::nil()),
        }),
        ..platform()
    }
}

/// What a refusal says.
pub fn refusal<T>(answer: Result<T, Status>) -> Refusal {
    match answer {
        Ok(_) => panic!("it was not refused"),
        Err(status) => chassis::code::refusal(&status),
    }
}

/// An update of Telegram with a text.
pub fn update(update_id: i64, chat: i64, text: &str) -> Vec<u8> {
    let mut update = testing::telegram::text_update(chat, update_id + 1000, text, 1_750_000_000);
    update["update_id"] = update_id.into();
    update.to_string().into_bytes()
}

/// A sample as posted.
pub fn samples(channel: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../libs/testing/samples/webhooks")
        .join(channel);
    let mut samples: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}
