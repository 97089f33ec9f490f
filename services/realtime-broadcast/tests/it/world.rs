//! Replicas of the service as processes of their own would run them, each in a
//! runtime of its own, among doubles of the other services.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use auth::{
    Call, Caller, CompanyId, ContextGate, ContextKeys, ContextSigner, Role, ServiceTokens,
    SessionId, UserCaller, UserId,
};
use bytes::Bytes;
use chassis::{Clock, Lifecycle, LocalSlot, Stop, Task, Upstream, config::Secret, grpc};
use events::{Bus, Event};
use host::{Host, Upstreams, serve_http};
use prost::Message;
use proto::{
    conversation::v1::{
        CanAccessChatRequest, CanAccessChatResponse,
        chat_service_server::{ChatService, ChatServiceServer},
    },
    events::v1::{
        CompanyChanged, ReadRequest, ReadResponse,
        event_log_service_server::{EventLogService, EventLogServiceServer},
    },
    identity::v1::{
        IssueServiceTokenRequest, IssueServiceTokenResponse,
        authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
    },
    realtime::v1::realtime_service_client::RealtimeServiceClient,
};
use realtime_broadcast::{Config, NAME, apps::Apps};
use sealing::Sealer;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{net::TcpListener, runtime::Runtime};
use tonic::{Request, Response, Status, service::Routes};

use crate::client::PATIENCE;

pub const KEY: &str = "test-key";
pub const SECRET: &str = "test-secret";
pub const COMPANY: i64 = 3;

/// Everything around the replicas.
pub struct World {
    pub pool: PgPool,
    pub config: Config,
    pub conversation: FakeLog,
    pub tenancy: FakeLog,
    keys: Arc<ContextKeys>,
    signer: ContextSigner,
    identity: Upstream,
    conversation_upstream: Upstream,
    tenancy_upstream: Upstream,
    bus: Bus,
}

/// A replica. Dropping it kills it: nothing is said to anybody.
pub struct Node {
    pub address: SocketAddr,
    pub grpc: Upstream,
    pub stop: Stop,
    runtime: Option<Runtime>,
}

impl World {
    /// A world with company 3, whose app has [`KEY`] and [`SECRET`].
    pub async fn new(pool: &PgPool) -> Self {
        Self::on(pool, Bus::Memory(events::MemoryBus::default())).await
    }

    pub async fn on(pool: &PgPool, bus: Bus) -> Self {
        let (signing_key, public) = auth::generate("test").unwrap();
        let keys = Arc::new(ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            service_secret: Secret::new("secret"),
        });
        let signer = ContextSigner::new(&keys, Clock::system()).unwrap();
        let gate = || ContextGate::new(&keys, Clock::system()).unwrap();
        let (conversation, tenancy) = (
            FakeLog::new("conversation", &bus),
            FakeLog::new("tenancy-admin", &bus),
        );
        let chats = Routes::new(ChatServiceServer::new(Chats))
            .add_service(EventLogServiceServer::new(conversation.clone()));
        let companies = Routes::new(EventLogServiceServer::new(tenancy.clone()));
        let config = Config {
            encryption_keys: sealing::generate_key("k1").unwrap(),
            drain_seconds: 0,
            leave_delay_seconds: 0,
            lease_seconds: 3,
            ..Config::default()
        };
        let sealer = Sealer::new("test", &config.encryption_keys).unwrap();
        Apps::new(pool.clone(), sealer)
            .fix(CompanyId(COMPANY), KEY, SECRET)
            .await
            .unwrap();
        Self {
            pool: pool.clone(),
            config,
            conversation,
            tenancy,
            identity: local(identity_routes(&signer), gate()),
            conversation_upstream: local(chats, gate()),
            tenancy_upstream: local(companies, gate()),
            keys: Arc::clone(&keys),
            signer,
            bus,
        }
    }

    /// Starts a replica.
    pub async fn node(&self) -> Node {
        self.node_with(self.config.clone()).await
    }

    pub async fn node_with(&self, config: Config) -> Node {
        self.node_behind(config, self.identity.clone()).await
    }

    /// Starts a replica that knows identity as `identity`.
    pub async fn node_behind(&self, config: Config, identity: Upstream) -> Node {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let grpc_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc_address = grpc_listener.local_addr().unwrap();
        let address = http_listener.local_addr().unwrap();
        // What is bound here is served there.
        let listeners = (
            grpc_listener.into_std().unwrap(),
            http_listener.into_std().unwrap(),
        );
        let uri = format!("http://{grpc_address}");
        let stop = Stop::default();
        let lifecycle = Lifecycle::new(Duration::from_secs(10));
        let stop_of_tasks = lifecycle.stop();
        let keys = Arc::clone(&self.keys);
        let (conversation, tenancy) = (
            self.conversation_upstream.clone(),
            self.tenancy_upstream.clone(),
        );
        let options = (*self.pool.connect_options()).clone();
        let bus = self.bus.clone();
        let serving = runtime.spawn(async move {
            let realtime = Upstream::remote(&uri).unwrap();
            let clock = Clock::system();
            let secret = keys.service_secret.clone();
            let host = Host {
                name: NAME,
                schema: "realtime",
                clock: clock.clone(),
                pool: PgPoolOptions::new()
                    .max_connections(4)
                    .connect_lazy_with(options),
                bus,
                tokens: ServiceTokens::new(NAME, secret, identity.clone(), clock.clone()),
                upstreams: Upstreams {
                    identity: identity.clone(),
                    tenancy_admin: tenancy,
                    conversation,
                    channel_connector: identity.clone(),
                    realtime_broadcast: realtime,
                    mail_ticket: identity,
                },
                context: Arc::clone(&keys),
                stop: stop_of_tasks.clone(),
            };
            let service = (realtime_broadcast::spec().build)(config, host)
                .await
                .unwrap();
            let routes = grpc::stack(service.routes, ContextGate::new(&keys, clock).unwrap());
            let (grpc, http) = listeners;
            let (grpc, http) = (
                TcpListener::from_std(grpc).unwrap(),
                TcpListener::from_std(http).unwrap(),
            );
            lifecycle.spawn(Task::new(
                "grpc",
                grpc::serve(grpc, routes, stop_of_tasks.clone()),
            ));
            let http = serve_http(http, service.http.unwrap(), stop_of_tasks);
            lifecycle.spawn(Task::new("http", http));
            for task in service.tasks {
                lifecycle.spawn(task);
            }
            lifecycle
        });
        let lifecycle = serving.await.unwrap();
        let asked = stop.clone();
        runtime.spawn(async move {
            asked.requested().await;
            lifecycle.stop().request();
            lifecycle.run().await;
        });
        Node {
            address,
            grpc: Upstream::remote(&format!("http://{grpc_address}")).unwrap(),
            stop,
            runtime: Some(runtime),
        }
    }

    /// Calls in the name of a user of company 3.
    pub fn user(&self, id: i64) -> Call {
        self.user_of(id, COMPANY)
    }

    pub fn user_of(&self, id: i64, company: i64) -> Call {
        self.user_as(Role::Chat, id, company)
    }

    pub fn user_as(&self, role: Role, id: i64, company: i64) -> Call {
        let user = UserCaller {
            id: UserId(id),
            name: format!("Agente {id}"),
            role,
            company: CompanyId(company),
            department: None,
            session: SessionId(uuid_nil()),
        };
        self.call(&Caller {
            user: Some(user),
            ..Caller::service("edge")
        })
    }

    /// Calls of another service.
    pub fn service(&self) -> Call {
        self.call(&Caller::service("conversation"))
    }

    pub fn call(&self, caller: &Caller) -> Call {
        Call::new(&self.signer.mint(caller).unwrap(), Duration::from_secs(10)).unwrap()
    }

    /// Lets identity answer where it did not so far.
    pub fn start_identity(&self, slot: LocalSlot) {
        let gate = ContextGate::new(&self.keys, Clock::system()).unwrap();
        slot.fill(grpc::stack(identity_routes(&self.signer), gate));
    }

    pub async fn company_changed(&self, company_id: i64, active: bool) {
        let data = CompanyChanged {
            company_id,
            name: "Empresa".to_owned(),
            active,
            time_zone: "America/Costa_Rica".to_owned(),
            ..CompanyChanged::default()
        };
        self.tenancy
            .append("company.changed", company_id, &data)
            .await;
    }
}

fn uuid_nil() -> uuid::Uuid {
    uuid::Uuid::nil()
}

impl Node {
    /// The address of a socket with the key of company 3.
    pub fn url(&self) -> String {
        self.url_with(KEY, "?protocol=7&client=js&version=8.6.0&flash=false")
    }

    pub fn url_with(&self, key: &str, query: &str) -> String {
        format!("ws://{}/app/{key}{query}", self.address)
    }

    pub fn client(&self) -> RealtimeServiceClient<Upstream> {
        RealtimeServiceClient::new(self.grpc.clone())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn identity_routes(signer: &ContextSigner) -> Routes {
    Routes::new(AuthenticationServiceServer::new(Identity(signer.clone())))
}

fn local(routes: Routes, gate: Arc<ContextGate>) -> Upstream {
    let (upstream, slot) = Upstream::local();
    slot.fill(grpc::stack(routes, gate));
    upstream
}

/// Polls until there is something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut poll: impl FnMut() -> F) -> T {
    let found = async {
        loop {
            if let Some(found) = poll().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

struct Identity(ContextSigner);

#[tonic::async_trait]
impl AuthenticationService for Identity {
    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Result<Response<IssueServiceTokenResponse>, Status> {
        let caller = Caller::service(&request.into_inner().service);
        Ok(Response::new(IssueServiceTokenResponse {
            token: self.0.mint(&caller).unwrap(),
            lifetime_seconds: 60,
        }))
    }
}

/// Every user sees the chat that has the user's own number.
struct Chats;

#[tonic::async_trait]
impl ChatService for Chats {
    async fn can_access_chat(
        &self,
        request: Request<CanAccessChatRequest>,
    ) -> Result<Response<CanAccessChatResponse>, Status> {
        let user = auth::caller(&request)?.user.as_ref().map(|user| user.id.0);
        let allowed = user == Some(request.into_inner().chat_id);
        Ok(Response::new(CanAccessChatResponse { allowed }))
    }
}

/// The log of another service.
#[derive(Clone)]
pub struct FakeLog {
    source: &'static str,
    bus: Bus,
    events: Arc<Mutex<Vec<Event>>>,
}

impl FakeLog {
    fn new(source: &'static str, bus: &Bus) -> Self {
        Self {
            source,
            bus: bus.clone(),
            events: Arc::default(),
        }
    }

    pub async fn append<M: Message>(&self, kind: &str, company: i64, data: &M) {
        let event = {
            let mut events = self.events.lock().unwrap();
            let event = Event {
                source: self.source.to_owned(),
                r#type: kind.to_owned(),
                position: i64::try_from(events.len()).unwrap() + 1,
                company_id: company,
                data: data.encode_to_vec().into(),
                ..Event::default()
            };
            events.push(event.clone());
            event
        };
        let payload = Bytes::from(event.encode_to_vec());
        self.bus
            .publish(&events::channel(self.source), payload)
            .await
            .unwrap();
    }
}

#[tonic::async_trait]
impl EventLogService for FakeLog {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let ReadRequest { after, limit, .. } = request.into_inner();
        let events = self.events.lock().unwrap();
        let head = i64::try_from(events.len()).unwrap();
        let found = events.iter().filter(|event| event.position > after);
        Ok(Response::new(ReadResponse {
            events: found.take(limit as usize).cloned().collect(),
            head,
            tail: head.min(1),
        }))
    }
}
