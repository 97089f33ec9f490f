//! A running tenancy-admin and what tests say to it.

use std::{sync::Arc, time::Duration};

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, ContextGate, ContextKeys,
    ContextSigner, Role, ServiceTokens, SessionId, UserCaller, UserId,
};
use chassis::{Clock, Stop, Task, Upstream, code::Refusal, config::Secret};
use events::{Bus, MemoryBus};
use host::{Host, UpstreamUris, Upstreams};
use sqlx::PgPool;
use tenancy_admin::Config;
use time::OffsetDateTime;
use tonic::{Response, Status};
use uuid::Uuid;

/// A tenancy-admin in this process. Nothing runs beside its routes.
pub struct Rig {
    pub pool: PgPool,
    pub upstream: Upstream,
    signer: ContextSigner,
}

/// Usable settings.
pub fn config() -> Config {
    Config {
        encryption_keys: Secret::new("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ..Config::default()
    }
}

impl Rig {
    pub async fn start(pool: PgPool) -> Self {
        let now = Clock::system().now();
        Self::start_at(pool, now, Stop::default()).await.0
    }

    /// The same at a time, and what would run beside it until a stop.
    pub async fn start_at(pool: PgPool, now: OffsetDateTime, stop: Stop) -> (Self, Vec<Task>) {
        let clock = Clock::set_to(now);
        let (signing_key, public) = auth::generate("test-1").unwrap();
        let context = Arc::new(ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        });
        let (upstream, slot) = Upstream::local();
        let upstreams = Upstreams::remote(&UpstreamUris::default()).unwrap();
        let identity = upstreams.identity.clone();
        let host = Host {
            name: "tenancy-admin",
            schema: "tenancy",
            clock: clock.clone(),
            pool: pool.clone(),
            bus: Bus::Memory(MemoryBus::default()),
            upstreams,
            tokens: ServiceTokens::new("tenancy-admin", Secret::default(), identity, clock.clone()),
            context: Arc::clone(&context),
            stop,
        };
        let service = (tenancy_admin::spec().build)(config(), host).await.unwrap();
        let gate = ContextGate::new(&context, clock.clone()).unwrap();
        slot.fill(chassis::grpc::stack(service.routes, gate));
        let signer = ContextSigner::new(&context, clock).unwrap();
        let rig = Self {
            pool,
            upstream,
            signer,
        };
        (rig, service.tasks)
    }

    /// A call in the name of `caller`.
    pub fn call(&self, caller: &Caller) -> Call {
        let token = self.signer.mint(caller).unwrap();
        Call::new(&token, Duration::from_secs(30)).unwrap()
    }
}

/// The edge, on behalf of an API client.
pub fn edge_for(authority: Authority, company: i64) -> Caller {
    Caller {
        client: Some(ClientCaller {
            id: ClientId(1),
            authority,
            company: Some(CompanyId(company)),
            scopes: Vec::new(),
        }),
        ..Caller::service("edge")
    }
}

/// The same with a user of company 3 behind it.
pub fn with_user(caller: &Caller, role: Role) -> Caller {
    let user = UserCaller {
        id: UserId(7),
        name: "Agente 1".to_owned(),
        role,
        company: CompanyId(3),
        department: None,
        session: SessionId(Uuid::nil()),
    };
    Caller {
        user: Some(user),
        ..caller.clone()
    }
}

/// The message of an answer, or why it was refused.
pub fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Refusal> {
    answer
        .map(Response::into_inner)
        .map_err(|status| chassis::code::refusal(&status))
}
