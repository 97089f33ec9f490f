//! Users and departments as their owners announce them.

use std::time::Duration;

use auth::{Caller, ContextGate, ContextSigner, Role};
use chassis::{Clock, Lifecycle, Upstream};
use host::{UpstreamUris, Upstreams};
use proto::{
    events::v1::{
        DepartmentChanged, Event, ReadRequest, ReadResponse, UserChanged,
        event_log_service_server::{EventLogService, EventLogServiceServer},
    },
    identity::v1::{
        IssueServiceTokenRequest, IssueServiceTokenResponse,
        authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
    },
};
use sqlx::PgPool;
use tonic::{Request, Response, Status, service::Routes};

use crate::rig::{self, COMPANY, Rig};

/// An owner of events that are all there from the start.
struct Owner(Vec<Event>);

#[tonic::async_trait]
impl EventLogService for Owner {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let after = usize::try_from(request.get_ref().after).unwrap();
        Ok(Response::new(ReadResponse {
            events: self.0.get(after..).unwrap_or_default().to_vec(),
            head: i64::try_from(self.0.len()).unwrap(),
            tail: 1,
        }))
    }
}

/// The exchange of credentials for a token.
struct Exchange(ContextSigner);

#[tonic::async_trait]
impl AuthenticationService for Exchange {
    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Result<Response<IssueServiceTokenResponse>, Status> {
        let caller = Caller::service(&request.get_ref().service);
        Ok(Response::new(IssueServiceTokenResponse {
            token: self.0.mint(&caller).unwrap(),
            lifetime_seconds: 60,
        }))
    }
}

fn log<M: prost::Message>(source: &str, kind: &str, states: &[M]) -> Owner {
    let event = |(position, state): (i64, &M)| Event {
        id: uuid::Uuid::now_v7().as_bytes().to_vec().into(),
        source: source.into(),
        r#type: kind.into(),
        position,
        data: state.encode_to_vec().into(),
        ..Event::default()
    };
    Owner((1..).zip(states).map(event).collect())
}

fn user(name: &str, department: i64, active: bool) -> UserChanged {
    UserChanged {
        user_id: 70,
        company_id: 3,
        department_id: department,
        role: Role::Chat.number().into(),
        name: name.into(),
        email: "agente1@atencion.test".into(),
        active,
    }
}

fn department(name: &str, active: bool) -> DepartmentChanged {
    DepartmentChanged {
        department_id: 7,
        company_id: 3,
        name: name.into(),
        active,
        hours_json: "{}".into(),
    }
}

async fn both(pool: &PgPool) -> Option<(String, Option<i64>, bool, String, bool)> {
    sqlx::query_as(
        "SELECT agent.name, agent.department_id, agent.active, department.name, department.active
         FROM conversation.agent, conversation.department",
    )
    .fetch_optional(pool)
    .await
    .unwrap()
}

/// Gives the user a chat before anything is announced; answers its id.
async fn given_chat(pool: &PgPool) -> i64 {
    let rig = Rig::start(pool.clone()).await;
    let chat = rig.chat_of("50688888888").await;
    let agent = rig::user(Role::Chat, 70, COMPANY, Some(7));
    rig.send(&agent, chat, "Yo atiendo", "").await.unwrap();
    chat
}

/// Who has a chat.
async fn assigned(pool: &PgPool, chat: i64) -> Option<i64> {
    sqlx::query_scalar("SELECT assigned_user_id FROM conversation.chat WHERE id = $1")
        .bind(chat)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn the_last_announced_state_counts(pool: PgPool) {
    let chat = given_chat(&pool).await;
    assert_eq!(assigned(&pool, chat).await, Some(70));
    let clock = Clock::system();
    let context = rig::keys();
    let signer = ContextSigner::new(&context, clock.clone()).unwrap();
    let gate = ContextGate::new(&context, clock.clone()).unwrap();
    let local = |routes: Routes| {
        let (upstream, slot) = Upstream::local();
        slot.fill(chassis::grpc::stack(routes, gate.clone()));
        upstream
    };
    let users = [user("Agente", 7, true), user("Agente 1", 0, false)];
    let departments = [
        department("Soporte", false),
        department("Soporte técnico", true),
    ];
    let mut upstreams = Upstreams::remote(&UpstreamUris::default()).unwrap();
    upstreams.identity = local(
        Routes::new(AuthenticationServiceServer::new(Exchange(signer))).add_service(
            EventLogServiceServer::new(log("identity", "user.changed", &users)),
        ),
    );
    upstreams.tenancy_admin = local(Routes::new(EventLogServiceServer::new(log(
        "tenancy-admin",
        "department.changed",
        &departments,
    ))));
    let lifecycle = Lifecycle::new(Duration::from_secs(5));
    let stop = lifecycle.stop();
    let service = rig::build(pool.clone(), clock, context, upstreams, stop.clone()).await;
    for task in service.tasks {
        lifecycle.spawn(task);
    }

    let expected = Some((
        "Agente 1".into(),
        None,
        false,
        "Soporte técnico".into(),
        true,
    ));
    let reached = async {
        while both(&pool).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached)
        .await
        .unwrap();
    // Whoever is gone has no chats: they wait for somebody else.
    assert_eq!(assigned(&pool, chat).await, None);
    stop.request();
    lifecycle.run().await;
}
