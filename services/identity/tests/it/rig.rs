//! A running identity and what tests say to it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, ContextGate, ContextKeys,
    ContextSigner, ContextVerifier, Role, ServiceTokens, SessionId, UserCaller, UserId,
};
use chassis::{Clock, Stop, Upstream, code::Refusal, config::Secret};
use events::{Bus, MemoryBus};
use host::{Host, UpstreamUris, Upstreams};
use identity::{Config, demo};
use prost::Message;
use proto::events::v1::{
    Event, ReadRequest, ReadResponse,
    event_log_service_server::{EventLogService, EventLogServiceServer},
};
use proto::identity::v1::{
    AuthenticateRequest, AuthenticateResponse, IntrospectRequest, IntrospectResponse, LoginRequest,
    LoginResponse, LogoutRequest, RefreshRequest, RevocationSubject, RevokeRequest, TokenShape,
    UserPrincipal, authentication_service_client::AuthenticationServiceClient,
    key_service_client::KeyServiceClient, revocation_service_client::RevocationServiceClient,
    revocation_subject::Subject, session_service_client::SessionServiceClient,
    user_service_client::UserServiceClient,
};
use sqlx::PgPool;
use tempfile::TempDir;
use tonic::Status;

/// The platform client of the demo data.
pub const PLATFORM: (&str, &str) = ("UsuarioPrueba", "strDasdakdmsadsakming");

/// The client of company 3 of the demo data.
pub const BOUND: (&str, &str) = ("EmpresaDemo", "empresa-demo-secret");

/// The password of every demo user.
pub const PASSWORD: &str = "Secret123";

/// An identity in this process, with the demo data.
pub struct Rig {
    pub pool: PgPool,
    pub config: Config,
    pub clock: Clock,
    pub upstream: Upstream,
    pub verifier: ContextVerifier,
    signer: ContextSigner,
    stop: Stop,
    _pictures: TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.request();
    }
}

/// Usable settings.
pub fn config() -> Config {
    Config {
        pepper: Secret::new("a pepper for the tests"),
        encryption_keys: Secret::new("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        service_secrets: BTreeMap::from([
            ("identity".to_owned(), Secret::new("identity secret")),
            (
                "channel_connector".to_owned(),
                Secret::new("connector secret"),
            ),
            ("mail-ticket".to_owned(), Secret::default()),
        ]),
        hash_threads: 2,
        ..Config::default()
    }
}

impl Rig {
    pub async fn start(pool: PgPool) -> Self {
        let clock = Clock::set_to(Clock::system().now());
        let config = config();
        demo::seed(&pool, &config).await.unwrap();
        Self::start_at(pool, config, clock).await
    }

    /// Starts an identity that hears of companies from `tenancy`.
    pub async fn start_beside(pool: PgPool, tenancy: Tenancy) -> Self {
        let clock = Clock::set_to(Clock::system().now());
        let config = config();
        demo::seed(&pool, &config).await.unwrap();
        Self::build(pool, config, clock, tenancy).await
    }

    /// Starts an identity, as a second replica or with other settings.
    pub async fn start_at(pool: PgPool, config: Config, clock: Clock) -> Self {
        Self::build(pool, config, clock, Tenancy::default()).await
    }

    async fn build(pool: PgPool, mut config: Config, clock: Clock, tenancy: Tenancy) -> Self {
        let pictures = TempDir::new().unwrap();
        if config.pictures.store.is_empty() {
            config.pictures.store = pictures.path().to_str().unwrap().to_owned();
        }
        let (signing_key, public) = auth::generate("test-1").unwrap();
        let context = Arc::new(ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        });
        let stop = Stop::default();
        let (upstream, slot) = Upstream::local();
        let mut upstreams = Upstreams::remote(&UpstreamUris::default()).unwrap();
        upstreams.identity = upstream.clone();
        upstreams.tenancy_admin = tenancy.serve();
        let host = Host {
            name: "identity",
            schema: "identity",
            clock: clock.clone(),
            pool: pool.clone(),
            bus: Bus::Memory(MemoryBus::default()),
            tokens: ServiceTokens::new(
                "identity",
                Secret::new("identity secret"),
                upstream.clone(),
                clock.clone(),
            ),
            upstreams,
            context: Arc::clone(&context),
            stop: stop.clone(),
        };
        let service = (identity::spec().build)(config.clone(), host)
            .await
            .unwrap();
        let gate = ContextGate::new(&context, clock.clone()).unwrap();
        slot.fill(chassis::grpc::stack(service.routes, gate));
        let lifecycle = chassis::Lifecycle::new(Duration::from_secs(5));
        for task in service.tasks {
            lifecycle.spawn(task);
        }
        Self {
            pool,
            config,
            upstream,
            verifier: ContextVerifier::new(&context, clock.clone()).unwrap(),
            signer: ContextSigner::new(&context, clock.clone()).unwrap(),
            clock,
            stop,
            _pictures: pictures,
        }
    }

    /// A call in the name of `caller`.
    pub fn call(&self, caller: &Caller) -> Call {
        let token = self.signer.mint(caller).unwrap();
        Call::new(&token, Duration::from_secs(30)).unwrap()
    }

    pub fn authentication(&self) -> AuthenticationServiceClient<Upstream> {
        AuthenticationServiceClient::new(self.upstream.clone())
    }

    pub fn keys(&self) -> KeyServiceClient<Upstream> {
        KeyServiceClient::new(self.upstream.clone())
    }

    pub fn revocations(&self) -> RevocationServiceClient<Upstream> {
        RevocationServiceClient::new(self.upstream.clone())
    }

    pub fn sessions(&self) -> SessionServiceClient<Upstream> {
        SessionServiceClient::new(self.upstream.clone())
    }

    pub fn users(&self) -> UserServiceClient<Upstream> {
        UserServiceClient::new(self.upstream.clone())
    }

    /// Authenticates as the edge does.
    pub async fn authenticate(
        &self,
        (consumo, secret): (&str, &str),
        bearer: &str,
    ) -> Result<AuthenticateResponse, Refusal> {
        let request = AuthenticateRequest {
            consumo: consumo.to_owned(),
            secret: secret.to_owned(),
            bearer: bearer.to_owned(),
        };
        let call = self.call(&Caller::service("edge"));
        answer(
            self.authentication()
                .authenticate(call.request(request))
                .await,
        )
    }

    /// The reason why credentials are refused; panics when they are not.
    pub async fn refused(&self, client: (&str, &str), bearer: &str) -> String {
        match self.authenticate(client, bearer).await {
            Ok(admitted) => panic!("admitted: {admitted:?}"),
            Err(refusal) => refusal.reason,
        }
    }

    /// Logs in through a client of the demo data.
    pub async fn login_through(
        &self,
        client: ClientCaller,
        email: &str,
        password: &str,
        device_id: i64,
    ) -> Result<LoginResponse, Refusal> {
        let request = LoginRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            shape: TokenShape::Jwt.into(),
            device_id,
            client_ip: "192.0.2.1".to_owned(),
        };
        let caller = Caller {
            client: Some(client),
            ..Caller::service("edge")
        };
        answer(
            self.sessions()
                .login(self.call(&caller).request(request))
                .await,
        )
    }

    /// Logs in through the platform client.
    pub async fn login(&self, email: &str, password: &str) -> Result<LoginResponse, Refusal> {
        self.login_through(platform_client(), email, password, 0)
            .await
    }

    /// The token of a demo user.
    pub async fn token_of(&self, email: &str) -> String {
        self.login(email, PASSWORD).await.unwrap().token
    }

    /// The token of a demo user in some shape.
    pub async fn token_in(&self, shape: TokenShape, email: &str) -> String {
        let request = LoginRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            shape: shape.into(),
            device_id: 0,
            client_ip: "192.0.2.1".to_owned(),
        };
        let caller = Caller {
            client: Some(platform_client()),
            ..Caller::service("edge")
        };
        let call = self.call(&caller);
        let login = self.sessions().login(call.request(request)).await;
        answer(login).unwrap().token
    }

    /// What the database says of a token.
    pub async fn introspect(&self, token: &str) -> IntrospectResponse {
        let request = IntrospectRequest {
            token: token.to_owned(),
        };
        let call = self.call(&Caller::service("edge"));
        answer(self.revocations().introspect(call.request(request)).await).unwrap()
    }

    /// Says whether a token is good.
    pub async fn good(&self, token: &str) -> bool {
        self.introspect(token).await.active
    }

    /// Exchanges a token in the name of a user.
    pub async fn refresh(&self, user: &UserPrincipal, token: &str) -> Result<String, Refusal> {
        let request = RefreshRequest {
            token: token.to_owned(),
        };
        let call = self.call(&through_edge(user.clone()));
        let refreshed = answer(self.sessions().refresh(call.request(request)).await);
        refreshed.map(|refreshed| refreshed.token)
    }

    /// Voids the tokens of a subject; answers the number of the entry.
    pub async fn revoke(&self, subject: Subject) -> Result<i64, Refusal> {
        let request = RevokeRequest {
            subject: Some(RevocationSubject {
                subject: Some(subject),
            }),
        };
        let call = self.call(&Caller::service("tenancy-admin"));
        let revoked = answer(self.revocations().revoke(call.request(request)).await);
        revoked.map(|revoked| revoked.sequence)
    }

    /// Ends the session of a token.
    pub async fn logout(&self, token: &str) {
        let user = self
            .authenticate(PLATFORM, token)
            .await
            .unwrap()
            .user
            .unwrap();
        let caller = through_edge(user);
        let call = self.call(&caller);
        answer(self.sessions().logout(call.request(LogoutRequest {})).await).unwrap();
    }
}

/// The edge on behalf of a user.
pub fn through_edge(user: UserPrincipal) -> Caller {
    Caller {
        client: Some(platform_client()),
        user: Some(UserCaller {
            id: UserId(user.user_id),
            name: user.name,
            role: Role::Chat,
            company: CompanyId(user.company_id),
            department: None,
            session: SessionId(user.session_id.parse().unwrap()),
        }),
        ..Caller::service("edge")
    }
}

/// The platform client of the demo data, as the edge names it.
pub fn platform_client() -> ClientCaller {
    ClientCaller {
        id: ClientId(1),
        authority: Authority::Platform,
        company: Some(CompanyId(3)),
        scopes: Vec::new(),
    }
}

/// The client of company 3, as the edge names it.
pub fn bound_client() -> ClientCaller {
    ClientCaller {
        id: ClientId(2),
        authority: Authority::Company,
        company: Some(CompanyId(3)),
        scopes: Vec::new(),
    }
}

/// The message of an answer, or why it was refused.
pub fn answer<T>(answer: Result<tonic::Response<T>, Status>) -> Result<T, Refusal> {
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| chassis::code::refusal(&status))
}

/// The log of a tenancy-admin that says what a test wants. Cloning shares it.
#[derive(Clone, Default)]
pub struct Tenancy(Arc<Mutex<Vec<Event>>>);

impl Tenancy {
    /// Announces a fact.
    pub fn announce(&self, kind: &str, data: &impl Message) {
        let mut events = self.0.lock().unwrap();
        let position = i64::try_from(events.len()).unwrap() + 1;
        events.push(Event {
            source: "tenancy-admin".to_owned(),
            r#type: kind.to_owned(),
            position,
            data: data.encode_to_vec().into(),
            ..Event::default()
        });
    }

    fn serve(self) -> Upstream {
        let (upstream, slot) = Upstream::local();
        let routes = tonic::service::Routes::new(EventLogServiceServer::new(self));
        slot.fill(routes.prepare().into_axum_router());
        upstream
    }
}

#[tonic::async_trait]
impl EventLogService for Tenancy {
    async fn read(
        &self,
        request: tonic::Request<ReadRequest>,
    ) -> Result<tonic::Response<ReadResponse>, Status> {
        let after = usize::try_from(request.into_inner().after).unwrap();
        let events = self.0.lock().unwrap();
        Ok(tonic::Response::new(ReadResponse {
            events: events[after..].to_vec(),
            head: i64::try_from(events.len()).unwrap(),
            tail: i64::from(!events.is_empty()),
        }))
    }
}
