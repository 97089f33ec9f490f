//! A real identity on a database, and edges whose line to it can be cut.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, ContextGate, ContextKeys,
    ContextSigner, ServiceTokens,
};
use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
};
use chassis::{Clock, Lifecycle, Upstream, config::Secret, grpc};
use events::{Bus, MemoryBus};
use futures_util::StreamExt;
use host::{Host, UpstreamUris, Upstreams};
use http_body_util::{BodyStream, StreamBody};
use proto::identity::v1::{
    LoginRequest, RevocationSubject, RevokeRequest, TokenShape,
    revocation_service_client::RevocationServiceClient, revocation_subject::Subject,
    session_service_client::SessionServiceClient,
};
use sqlx::PgPool;
use tokio::sync::watch;
use tonic::{Status, service::Routes};

use crate::{
    fakes::{self, World},
    harness::{Answer, Edge, keys, request},
};

/// An identity with the demo data, and what edges need besides.
pub struct Living {
    pub pool: PgPool,
    pub clock: Clock,
    routes: Router,
    keys: ContextKeys,
    lifecycle: Lifecycle,
}

/// An edge that follows the revocations, over a line of its own.
pub struct Followed {
    pub edge: Edge,
    pub line: Line,
}

/// The line between an edge and identity. Cloning shares it.
#[derive(Clone)]
pub struct Line {
    cut: watch::Sender<bool>,
    calls: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for Living {
    fn drop(&mut self) {
        self.lifecycle.stop().request();
    }
}

/// Usable settings of identity.
pub fn config() -> identity::Config {
    identity::Config {
        pepper: Secret::new("a pepper for the tests"),
        encryption_keys: Secret::new("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        service_secrets: BTreeMap::from([("identity".to_owned(), Secret::new("secret"))]),
        hash_threads: 2,
        ..identity::Config::default()
    }
}

impl Living {
    /// Starts identity.
    pub async fn start(pool: PgPool) -> Self {
        let clock = Clock::set_to(Clock::system().now());
        identity::demo::seed(&pool, &config()).await.unwrap();
        Self::start_with(pool, config(), clock).await
    }

    /// Starts an identity with other settings on a database that is there.
    pub async fn start_with(pool: PgPool, config: identity::Config, clock: Clock) -> Self {
        let keys = keys();
        let lifecycle = Lifecycle::new(Duration::from_secs(5));
        let (upstream, slot) = Upstream::local();
        let mut upstreams = Upstreams::remote(&UpstreamUris::default()).unwrap();
        upstreams.identity = upstream.clone();
        upstreams.tenancy_admin = Upstream::local().0;
        let secret = Secret::new("secret");
        let host = Host {
            name: "identity",
            schema: "identity",
            clock: clock.clone(),
            pool: pool.clone(),
            bus: Bus::Memory(MemoryBus::default()),
            tokens: ServiceTokens::new("identity", secret, upstream, clock.clone()),
            upstreams,
            context: Arc::new(keys.clone()),
            stop: lifecycle.stop(),
        };
        let service = (identity::spec().build)(config, host).await.unwrap();
        let gate = ContextGate::new(&keys, clock.clone()).unwrap();
        let routes = grpc::stack(service.routes, gate);
        slot.fill(routes.clone());
        for task in service.tasks {
            lifecycle.spawn(task);
        }
        Self {
            pool,
            clock,
            routes,
            keys,
            lifecycle,
        }
    }

    /// An edge that has its lease.
    pub async fn edge(&self) -> Followed {
        let world = Arc::new(World::default());
        let gate = ContextGate::new(&self.keys, self.clock.clone()).unwrap();
        let serve = |routes: Routes| {
            let (upstream, slot) = Upstream::local();
            slot.fill(grpc::stack(routes, gate.clone()));
            upstream
        };
        let line = Line::new();
        let upstreams = Upstreams {
            identity: line.through(self.routes.clone()),
            tenancy_admin: serve(fakes::tenancy(&world)),
            conversation: serve(fakes::conversation(&world)),
            channel_connector: serve(Routes::default()),
            realtime_broadcast: serve(Routes::default()),
            mail_ticket: serve(Routes::default()),
        };
        let stop = self.lifecycle.stop();
        let (config, clock) = (edge::Config::default(), self.clock.clone());
        let built = edge::build(config, upstreams, &self.keys, clock, &stop).unwrap();
        for task in built.tasks {
            self.lifecycle.spawn(task);
        }
        let edge = Edge {
            router: built.router,
            world,
        };
        let followed = Followed { edge, line };
        followed.until_it_checks_by_itself().await;
        followed
    }

    fn call(&self, caller: &Caller) -> Call {
        let signer = ContextSigner::new(&self.keys, self.clock.clone()).unwrap();
        let token = signer.mint(caller).unwrap();
        Call::new(&token, Duration::from_secs(30)).unwrap()
    }

    fn upstream(&self) -> Upstream {
        let (upstream, slot) = Upstream::local();
        slot.fill(self.routes.clone());
        upstream
    }

    /// Logs the agent in.
    pub async fn token(&self, shape: TokenShape) -> String {
        let caller = Caller {
            client: Some(ClientCaller {
                id: ClientId(1),
                authority: Authority::Platform,
                company: Some(CompanyId(3)),
                scopes: Vec::new(),
            }),
            ..Caller::service("edge")
        };
        let login = LoginRequest {
            email: "agente1@atencion.test".into(),
            password: "Secret123".into(),
            shape: shape.into(),
            device_id: 0,
            client_ip: String::new(),
        };
        let login = SessionServiceClient::new(self.upstream())
            .login(self.call(&caller).request(login))
            .await;
        login.unwrap().into_inner().token
    }

    /// Voids the tokens of a subject.
    pub async fn revoke(&self, subject: Subject) {
        let subject = RevocationSubject {
            subject: Some(subject),
        };
        let call = self.call(&Caller::service("tenancy-admin"));
        let request = RevokeRequest {
            subject: Some(subject),
        };
        RevocationServiceClient::new(self.upstream())
            .revoke(call.request(request))
            .await
            .unwrap();
    }
}

impl Followed {
    /// Sends a request with the credentials of the platform client.
    pub async fn send(&self, method: &str, path: &str, token: &str) -> Answer {
        let asked = request(method, path)
            .header("x-user-consumo", "UsuarioPrueba")
            .header("x-user-secret", "strDasdakdmsadsakming")
            .bearer(token)
            .json(&serde_json::json!({"paginate": "N"}));
        self.edge.send(asked.build()).await
    }

    /// Sends JSON with the credentials of the platform client alone.
    pub async fn administer(&self, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        let asked = request(method, path)
            .header("x-user-consumo", "UsuarioPrueba")
            .header("x-user-secret", "strDasdakdmsadsakming")
            .json(body);
        self.edge.send(asked.build()).await
    }

    /// The status of an operation that needs a user.
    pub async fn status(&self, token: &str) -> u16 {
        self.send("POST", "/api/chat/list", token)
            .await
            .status
            .as_u16()
    }

    /// Waits until the credentials of the client are not asked about any more.
    async fn until_it_checks_by_itself(&self) {
        until("the edge has no lease", async || {
            let before = self.line.calls("Authenticate");
            for _ in 0..2 {
                self.send("POST", "/api/chat/list", "none").await;
            }
            self.line.calls("Authenticate") == before
        })
        .await;
    }
}

/// Waits until something holds.
pub async fn until(otherwise: &str, holds: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "{otherwise}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Line {
    fn new() -> Self {
        Self {
            cut: watch::Sender::new(false),
            calls: Arc::default(),
        }
    }

    /// Cuts the line: calls fail, and nothing comes out of open streams.
    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    /// How often an RPC was called.
    pub fn calls(&self, rpc: &str) -> usize {
        self.calls.lock().unwrap().get(rpc).copied().unwrap_or(0)
    }

    fn through(&self, routes: Router) -> Upstream {
        let (upstream, slot) = Upstream::local();
        let line = self.clone();
        let pass = move |request: Request, next: Next| {
            let line = line.clone();
            async move { line.pass(request, next).await }
        };
        slot.fill(routes.layer(middleware::from_fn(pass)));
        upstream
    }

    async fn pass(self, request: Request, next: Next) -> axum::response::Response {
        if *self.cut.borrow() {
            return Status::unavailable("the line is cut").into_http();
        }
        let rpc = request.uri().path().rsplit('/').next().unwrap().to_owned();
        *self.calls.lock().unwrap().entry(rpc).or_default() += 1;
        let cut = self.cut.subscribe();
        next.run(request).await.map(|body| {
            let frames = BodyStream::new(body).then(move |frame| {
                let cut = *cut.borrow();
                async move {
                    if cut {
                        std::future::pending::<()>().await;
                    }
                    frame
                }
            });
            Body::new(StreamBody::new(frames))
        })
    }
}
