//! A running mail-ticket and what tests say to it.

pub mod identity;
mod mails;

use std::{sync::Arc, time::Duration};

use auth::{
    Authority, BitacoraId, Call, Caller, ClientCaller, ClientId, CompanyId, ContextGate,
    ContextKeys, ContextSigner, Role, ServiceTokens, SessionId, UserCaller, UserId,
};
use chassis::{Clock, Lifecycle, Upstream, code::Refusal, config::Secret};
use events::{Bus, MemoryBus};
use host::{Host, UpstreamUris, Upstreams};
use mail_ticket::{Config, System};
use sqlx::PgPool;
use tonic::{Response, Status};
use uuid::Uuid;

pub use identity::Identity;
pub use mails::{mail, reply};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// The company of most tests.
pub const COMPANY: i64 = 3;

/// A mail-ticket in this process. Nothing runs beside its routes, unless a test
/// starts the tasks.
pub struct Rig {
    pub pool: PgPool,
    pub clock: Clock,
    pub upstream: Upstream,
    /// What identity was asked, and how it answers.
    pub identity: Arc<Identity>,
    signer: ContextSigner,
    tasks: std::sync::Mutex<Vec<chassis::Task>>,
    lifecycle: Lifecycle,
}

/// Usable settings: the system `lector` gives what it cannot place to department 9.
pub fn config() -> Config {
    let system = System {
        company: COMPANY,
        department: 9,
    };
    Config {
        encryption_keys: Secret::new("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        systems: [("lector".to_owned(), system)].into(),
    }
}

impl Rig {
    pub async fn start(pool: PgPool) -> Self {
        let clock = Clock::set_to(Clock::system().now());
        let (signing_key, public) = auth::generate("test-1").unwrap();
        let context = Arc::new(ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        });
        let gate = ContextGate::new(&context, clock.clone()).unwrap();
        let (identity, asked) = identity::start(&context, &clock, gate.clone());
        let upstreams = Upstreams {
            identity: identity.clone(),
            tenancy_admin: identity.clone(),
            ..Upstreams::remote(&UpstreamUris::default()).unwrap()
        };
        let lifecycle = Lifecycle::new(Duration::from_secs(5));
        let host = Host {
            name: "mail-ticket",
            schema: "mail",
            clock: clock.clone(),
            pool: pool.clone(),
            bus: Bus::Memory(MemoryBus::default()),
            upstreams,
            tokens: ServiceTokens::new("mail-ticket", Secret::default(), identity, clock.clone()),
            context: Arc::clone(&context),
            stop: lifecycle.stop(),
        };
        let service = (mail_ticket::spec().build)(config(), host).await.unwrap();
        let (upstream, slot) = Upstream::local();
        slot.fill(chassis::grpc::stack(service.routes, gate));
        Self {
            pool,
            upstream,
            identity: asked,
            signer: ContextSigner::new(&context, clock.clone()).unwrap(),
            clock,
            tasks: service.tasks.into(),
            lifecycle,
        }
    }

    /// Starts what runs beside the routes.
    pub fn run_tasks(&self) {
        for task in self.tasks.lock().unwrap().drain(..) {
            self.lifecycle.spawn(task);
        }
    }

    /// A call in the name of `caller`.
    pub fn call(&self, caller: &Caller) -> Call {
        let token = self.signer.mint(caller).unwrap();
        Call::new(&token, Duration::from_secs(30)).unwrap()
    }

    /// The only number that a query answers.
    pub async fn number(&self, query: &'static str) -> i64 {
        let number = sqlx::query_scalar(query).fetch_one(&self.pool).await;
        number.unwrap()
    }

    /// Waits until a query answers a number.
    pub async fn until(&self, query: &'static str, wanted: i64) {
        let waiting = async {
            while self.number(query).await != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "{query} did not become {wanted}");
    }

    /// The texts that a query answers.
    pub async fn texts(&self, query: &'static str) -> Vec<String> {
        let texts = sqlx::query_scalar(query).fetch_all(&self.pool).await;
        texts.unwrap()
    }

    /// Runs statements that answer nothing.
    pub async fn run(&self, statements: &'static str) {
        sqlx::raw_sql(statements).execute(&self.pool).await.unwrap();
    }
}

/// The edge, on behalf of an API client with a right.
pub fn edge_for(authority: Authority, company: i64, scope: Option<&str>) -> Caller {
    Caller {
        client: Some(ClientCaller {
            id: ClientId(1),
            authority,
            company: Some(CompanyId(company)),
            scopes: scope.map(str::to_owned).into_iter().collect(),
        }),
        bitacora: Some(BitacoraId(736_014)),
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
