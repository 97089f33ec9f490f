//! Outbox, relay, log and consumers together.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use auth::{Caller, ContextGate, ContextKeys, ContextSigner, ServiceTokens};
use chassis::{Clock, Stop, Upstream, config::Secret};
use events::{
    Bus, Consumer, Event, Follower, Handler, Listener, LogReader, LogServer, MemoryBus, NewEvent,
    Outbox, Relay,
};
use proto::{
    events::v1::UserChanged,
    identity::v1::{
        IssueServiceTokenRequest, IssueServiceTokenResponse,
        authentication_service_server::{AuthenticationService, AuthenticationServiceServer},
    },
};
use sqlx::{PgConnection, PgPool};
use tonic::{Request, Response, Status, service::Routes};

/// A limit for everything that a test waits for.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("took too long")
}

/// Hands out tokens as identity does.
struct Issuer(ContextSigner);

#[tonic::async_trait]
impl AuthenticationService for Issuer {
    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Result<Response<IssueServiceTokenResponse>, Status> {
        let caller = Caller::service(&request.into_inner().service);
        let token = self.0.mint(&caller).unwrap();
        Ok(Response::new(IssueServiceTokenResponse {
            token,
            lifetime_seconds: 60,
        }))
    }
}

/// A source of events and everything around it, in one process.
pub struct World {
    pub pool: PgPool,
    pub bus: Bus,
    pub clock: Clock,
    log: LogReader,
    stop: Stop,
}

impl World {
    pub fn new(pool: PgPool) -> Self {
        let clock = Clock::system();
        let (signing_key, public) = auth::generate("test").unwrap();
        let keys = ContextKeys {
            signing_key,
            trusted_keys: vec![public],
            ..ContextKeys::default()
        };
        let issuer = Issuer(ContextSigner::new(&keys, clock.clone()).unwrap());
        let routes = Routes::new(AuthenticationServiceServer::new(issuer))
            .add_service(LogServer::new("sample", "sample", pool.clone()));
        let gate = ContextGate::new(&keys, clock.clone()).unwrap();
        let (upstream, slot) = Upstream::local();
        slot.fill(chassis::grpc::stack(routes, gate));
        let tokens =
            ServiceTokens::new("reader", Secret::default(), upstream.clone(), clock.clone());
        Self {
            pool,
            bus: Bus::Memory(MemoryBus::default()),
            clock,
            log: LogReader::new("sample", upstream, tokens),
            stop: Stop::default(),
        }
    }

    pub fn relay(&self, bus: Bus) {
        let keep = time::Duration::days(7);
        let relay = Relay::new(
            "sample",
            "sample",
            self.pool.clone(),
            bus,
            self.clock.clone(),
            keep,
        );
        tokio::spawn(relay.run(self.stop.clone()));
    }

    pub fn consume(&self, bus: Bus) {
        let consumer = Consumer::new(
            "test",
            "sample",
            self.log.clone(),
            self.pool.clone(),
            bus,
            Effects::default(),
        );
        tokio::spawn(consumer.run(self.stop.clone()));
    }

    /// Records `count` events from `from` on, in transactions that run at once
    /// and of which every third rolls back.
    pub async fn record(&self, from: i64, count: i64) {
        let tasks: Vec<_> = (from..from + count)
            .map(|number| {
                let (pool, now) = (self.pool.clone(), self.clock.now());
                tokio::spawn(async move {
                    let mut transaction = pool.begin().await.unwrap();
                    append(&mut transaction, now, number).await;
                    if number % 3 == 0 {
                        transaction.rollback().await.unwrap();
                    } else {
                        transaction.commit().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }

    async fn effects(&self) -> Vec<(i64, String)> {
        sqlx::query_as("SELECT position, subject FROM sample.effect ORDER BY position")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub async fn effects_reach(&self, count: usize) -> Vec<(i64, String)> {
        soon(async {
            loop {
                let effects = self.effects().await;
                if effects.len() >= count {
                    return effects;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.request();
    }
}

async fn append(connection: &mut PgConnection, now: time::OffsetDateTime, number: i64) {
    let data = UserChanged {
        user_id: number,
        ..UserChanged::default()
    };
    let subject = format!("user-{number}");
    let event = NewEvent {
        kind: "user.changed",
        company: 3,
        subject,
        data: &data,
    };
    Outbox::new("sample")
        .append(connection, now, event)
        .await
        .unwrap();
}

/// Writes each event down; fails the first time for some of them.
#[derive(Default)]
struct Effects(Mutex<std::collections::HashSet<i64>>);

#[async_trait]
impl Handler for Effects {
    async fn handle(&self, connection: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        sqlx::query("INSERT INTO sample.effect VALUES ($1, $2)")
            .bind(event.position)
            .bind(&event.subject)
            .execute(connection)
            .await?;
        if event.position % 10 == 7 && self.0.lock().unwrap().insert(event.position) {
            anyhow::bail!("fails once, after it has written");
        }
        Ok(())
    }
}

/// Positions have no gap although transactions roll back, and every committed
/// event takes effect once although effects fail now and then.
#[sqlx::test(migrations = "tests/migrations")]
async fn committed_events_take_effect_once_and_without_gaps(pool: PgPool) {
    let world = World::new(pool);
    world.relay(world.bus.clone());
    world.consume(world.bus.clone());
    world.record(0, 60).await;
    let effects = world.effects_reach(40).await;
    let positions: Vec<i64> = effects.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, (1..=40).collect::<Vec<_>>());
    let mut subjects: Vec<_> = effects.into_iter().map(|(_, subject)| subject).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 40);
}

/// The bus is only the fast path: a consumer that hears nothing reads the log.
#[sqlx::test(migrations = "tests/migrations")]
async fn a_silent_bus_costs_time_and_nothing_else(pool: PgPool) {
    let world = World::new(pool);
    world.relay(Bus::Memory(MemoryBus::default()));
    world.consume(world.bus.clone());
    world.record(1, 2).await;
    assert_eq!(world.effects_reach(2).await.len(), 2);
}

/// Replicas share the work of one cursor.
#[sqlx::test(migrations = "tests/migrations")]
async fn two_replicas_of_a_consumer_do_not_repeat_each_other(pool: PgPool) {
    let world = World::new(pool);
    world.relay(world.bus.clone());
    world.relay(world.bus.clone());
    world.consume(world.bus.clone());
    world.consume(world.bus.clone());
    world.record(0, 90).await;
    let effects = world.effects_reach(60).await;
    assert_eq!(effects.len(), 60);
}

struct Heard(Mutex<Vec<i64>>);

impl Listener for Heard {
    fn hear(&self, event: &Event) {
        self.0.lock().unwrap().push(event.position);
    }

    fn missed(&self, from: i64, to: i64) {
        panic!("missed {from} to {to}");
    }
}

/// A follower hears everything from its start on, in order, though the bus loses.
#[sqlx::test(migrations = "tests/migrations")]
async fn a_follower_fills_the_gaps_of_the_bus(pool: PgPool) {
    let world = World::new(pool);
    world.relay(Bus::Memory(MemoryBus::default()));
    world.record(1, 2).await;
    soon(async {
        let waiting = "SELECT count(*) FROM sample.outbox WHERE position IS NULL";
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&world.pool)
            .await
            .unwrap()
            > 0
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let heard = Arc::new(Heard(Mutex::default()));
    let follower = Follower::new(world.log.clone(), world.bus.clone(), heard.clone());
    tokio::spawn(follower.run(world.stop.clone()));
    // The follower begins at some moment from now on; what it hears is a piece of
    // the log without gaps that reaches the end.
    soon(async {
        let mut number = 100;
        while heard.0.lock().unwrap().len() < 20 {
            world.record(number, 1).await;
            number += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let heard = heard.0.lock().unwrap().clone();
    assert!(heard[0] > 2, "heard what was before it: {heard:?}");
    assert!(
        heard.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{heard:?}"
    );
}

/// Nobody but a service reads the log.
#[sqlx::test(migrations = "tests/migrations")]
async fn the_edge_may_not_read_the_log(pool: PgPool) {
    let world = World::new(pool);
    let (upstream, slot) = Upstream::local();
    let (signing_key, public) = auth::generate("test").unwrap();
    let keys = ContextKeys {
        signing_key,
        trusted_keys: vec![public],
        ..ContextKeys::default()
    };
    let routes = Routes::new(LogServer::new("sample", "sample", world.pool.clone()));
    slot.fill(chassis::grpc::stack(
        routes,
        ContextGate::new(&keys, Clock::system()).unwrap(),
    ));
    let token = ContextSigner::new(&keys, Clock::system())
        .unwrap()
        .mint(&Caller::service("edge"));
    let call = auth::Call::new(&token.unwrap(), Duration::from_secs(5)).unwrap();
    let mut log =
        proto::events::v1::event_log_service_client::EventLogServiceClient::new(upstream.clone());
    let read = proto::events::v1::ReadRequest {
        source: "sample".into(),
        ..Default::default()
    };
    let refused = log.read(call.request(read.clone())).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    let anonymous = log.read(Request::new(read)).await.unwrap_err();
    assert_eq!(anonymous.code(), tonic::Code::Unauthenticated);
}
