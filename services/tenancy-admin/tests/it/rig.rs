//! A running tenancy-admin and what tests say to it.

use std::{sync::Arc, time::Duration};

use auth::{
    Authority, Call, Caller, ClientCaller, ClientId, CompanyId, ContextGate, ContextKeys,
    ContextSigner, DepartmentId, Role, ServiceTokens, SessionId, UserCaller, UserId,
};
use chassis::{Clock, Stop, Task, Upstream, code::Refusal, config::Secret};
use events::{Bus, MemoryBus};
use host::{Host, UpstreamUris, Upstreams};
use prost::Message;
use proto::tenancy::v1::{
    company_service_client::CompanyServiceClient,
    department_service_client::DepartmentServiceClient, faq_service_client::FaqServiceClient,
    plan_service_client::PlanServiceClient,
};
use sqlx::PgPool;
use tenancy_admin::Config;
use time::OffsetDateTime;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::identity::{Identity, SECRET};

/// A tenancy-admin in this process, beside an identity of the tests' own.
pub struct Rig {
    pub pool: PgPool,
    pub upstream: Upstream,
    pub clock: Clock,
    pub identity: Identity,
    signer: ContextSigner,
    stop: Stop,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.request();
    }
}

/// Usable settings.
pub fn config() -> Config {
    Config {
        encryption_keys: Secret::new("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ..Config::default()
    }
}

impl Rig {
    /// Only the routes.
    pub async fn start(pool: PgPool) -> Self {
        let clock = Clock::set_to(Clock::system().now());
        let identity = Identity::default();
        Self::build(pool, identity, clock, Stop::default()).await.0
    }

    /// The same at a time, and what would run beside it until a stop.
    pub async fn start_at(pool: PgPool, now: OffsetDateTime, stop: Stop) -> (Self, Vec<Task>) {
        Self::build(pool, Identity::default(), Clock::set_to(now), stop).await
    }

    /// The routes, with the demo data.
    pub async fn with_demo(pool: PgPool) -> Self {
        tenancy_admin::demo::seed(&pool, &config()).await.unwrap();
        Self::start(pool).await
    }

    /// The routes and the tasks, at a time and beside an identity that were there
    /// before.
    pub async fn restarted(pool: PgPool, identity: Identity, clock: Clock) -> Self {
        let (rig, tasks) = Self::build(pool, identity, clock, Stop::default()).await;
        let lifecycle = chassis::Lifecycle::new(Duration::from_secs(5));
        for task in tasks {
            lifecycle.spawn(task);
        }
        rig
    }

    async fn build(
        pool: PgPool,
        identity: Identity,
        clock: Clock,
        stop: Stop,
    ) -> (Self, Vec<Task>) {
        let (signing_key, public) = auth::generate("test-1").unwrap();
        let context = Arc::new(ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        });
        let gate = ContextGate::new(&context, clock.clone()).unwrap();
        let signer = || ContextSigner::new(&context, clock.clone()).unwrap();
        let (upstream, slot) = Upstream::local();
        let (identity_upstream, identity_slot) = Upstream::local();
        identity_slot.fill(chassis::grpc::stack(
            identity.routes(signer()),
            gate.clone(),
        ));
        let mut upstreams = Upstreams::remote(&UpstreamUris::default()).unwrap();
        upstreams.identity = identity_upstream.clone();
        let host = Host {
            name: "tenancy-admin",
            schema: "tenancy",
            clock: clock.clone(),
            pool: pool.clone(),
            bus: Bus::Memory(MemoryBus::default()),
            upstreams,
            tokens: ServiceTokens::new(
                "tenancy-admin",
                Secret::new(SECRET),
                identity_upstream,
                clock.clone(),
            ),
            context: Arc::clone(&context),
            stop: stop.clone(),
        };
        let service = (tenancy_admin::spec().build)(config(), host).await.unwrap();
        slot.fill(chassis::grpc::stack(service.routes, gate));
        let rig = Self {
            pool,
            upstream,
            signer: signer(),
            clock,
            identity,
            stop,
        };
        (rig, service.tasks)
    }

    /// A call in the name of `caller`.
    pub fn call(&self, caller: &Caller) -> Call {
        let token = self.signer.mint(caller).unwrap();
        Call::new(&token, Duration::from_secs(30)).unwrap()
    }

    pub fn companies(&self) -> CompanyServiceClient<Upstream> {
        CompanyServiceClient::new(self.upstream.clone())
    }

    pub fn departments(&self) -> DepartmentServiceClient<Upstream> {
        DepartmentServiceClient::new(self.upstream.clone())
    }

    pub fn faqs(&self) -> FaqServiceClient<Upstream> {
        FaqServiceClient::new(self.upstream.clone())
    }

    pub fn plans(&self) -> PlanServiceClient<Upstream> {
        PlanServiceClient::new(self.upstream.clone())
    }

    /// The kinds of security events, in order, each with its company and subject.
    pub async fn security_events(&self) -> Vec<(String, Option<i64>, Option<i64>)> {
        sqlx::query_as(
            "SELECT kind, company_id, subject_id FROM tenancy.security_event ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// The last event of a kind for others.
    pub async fn announced<M: Message + Default>(&self, kind: &str) -> M {
        let data: Vec<u8> = sqlx::query_scalar(
            "SELECT data FROM tenancy.outbox WHERE type = $1 ORDER BY seq DESC LIMIT 1",
        )
        .bind(kind)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        M::decode(data.as_slice()).unwrap()
    }

    /// A number that a statement counts.
    pub async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

/// The platform's own API client.
pub fn platform() -> Caller {
    edge_for(Authority::Platform, 3)
}

/// An admin of company 3.
pub fn admin() -> Caller {
    with_user(&platform(), Role::Admin)
}

/// An agent of department 7 of company 3.
pub fn agent() -> Caller {
    with_user(&platform(), Role::Chat)
}

/// Waits until something is so.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !holds().await {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{what} never happens"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
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
        department: Some(DepartmentId(7)),
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
