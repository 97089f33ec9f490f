//! The access log: what was answered is in it, however processes end.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, Response};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    api::Api,
    world::{Mode, PATIENCE, World},
};

/// Requests under way at any time.
const CALLERS: usize = 8;

/// Keeps its rows in files.
const SPOOL: &str = r#"
            [edge]
            bitacora_spool = "{folder}/spool"
"#;

/// Callers that note every answer: its id, its status, and when it was complete.
struct Load {
    answers: Arc<Mutex<BTreeMap<i64, (u16, Instant)>>>,
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(agent: &Api) -> Self {
        let (answers, stop) = (Arc::default(), Arc::default());
        let callers = (0..CALLERS)
            .map(|_| {
                let caller = call(agent.clone(), Arc::clone(&answers), Arc::clone(&stop));
                tokio::spawn(caller)
            })
            .collect();
        Self {
            answers,
            stop,
            callers,
        }
    }

    /// Waits for some more answers.
    async fn more(&self, count: usize) {
        let (began, before) = (Instant::now(), self.count());
        while self.count() < before + count {
            assert!(began.elapsed() < PATIENCE, "answers do not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn count(&self) -> usize {
        self.answers.lock().unwrap().len()
    }

    /// Ends the callers; answers what they were answered.
    async fn end(self) -> BTreeMap<i64, (u16, Instant)> {
        self.stop.store(true, SeqCst);
        for caller in self.callers {
            caller.await.unwrap();
        }
        std::mem::take(&mut *self.answers.lock().unwrap())
    }
}

/// Calls again and again, until told to stop or nobody answers any more.
async fn call(
    agent: Api,
    answers: Arc<Mutex<BTreeMap<i64, (u16, Instant)>>>,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(SeqCst) {
        let list = agent.request(Method::POST, "chat/list");
        let nowhere = agent.request(Method::GET, "nowhere");
        for request in [list.json(&json!({"paginate": "N"})), nowhere] {
            let Ok(answer) = request.send().await else {
                return;
            };
            let (id, status) = (id(&answer), answer.status().as_u16());
            if answer.bytes().await.is_err() {
                return;
            }
            let known = answers.lock().unwrap().insert(id, (status, Instant::now()));
            assert!(known.is_none(), "two answers have the id {id}");
        }
    }
}

fn id(answer: &Response) -> i64 {
    let id = answer.headers()["x-bitacora-id"].to_str().unwrap();
    id.parse().unwrap()
}

/// The rows but those of the login, with their status.
async fn rows(world: &World) -> BTreeMap<i64, u16> {
    let rows: Vec<(i64, i16)> = sqlx::query_as(
        "SELECT bitacora_id, status FROM tenancy.bitacora WHERE route <> '/api/auth/login'",
    )
    .fetch_all(&world.database)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(id, status)| (id, u16::try_from(status).unwrap()))
        .collect()
}

/// Waits until there is a row for each of these answers.
async fn all_arrive(world: &World, answers: &BTreeMap<i64, (u16, Instant)>) {
    let began = Instant::now();
    loop {
        let rows = rows(world).await;
        let missing = answers.keys().filter(|id| !rows.contains_key(id)).count();
        if missing == 0 {
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{missing} of {} rows never come",
            answers.len()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn agent(world: &World) -> Api {
    world.api().login("agente1@atencion.test").await
}

/// The process that answers REST is told to stop while it is busy.
async fn stop_in_order(mode: Mode) {
    let mut world = World::start(mode).await;
    let load = Load::start(&agent(&world).await);
    load.more(500).await;
    let ended = world.terminate(world.mode.process_of("edge")).await;
    assert!(ended.success(), "{ended}");
    let answers = load.end().await;
    let expected: BTreeMap<i64, u16> = answers
        .iter()
        .map(|(id, (status, _))| (*id, *status))
        .collect();
    // Nothing runs any more that could add some.
    assert_eq!(rows(&world).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_order_leaves_a_row_for_every_answer_together() {
    stop_in_order(Mode::Together).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_order_leaves_a_row_for_every_answer_apart() {
    stop_in_order(Mode::Apart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_edge_with_a_spool_loses_no_row() {
    let mut world = World::start_configured(Mode::Apart, SPOOL).await;
    let load = Load::start(&agent(&world).await);
    load.more(500).await;
    world.kill("edge");
    let mut answers = load.end().await;
    world.run("edge", None);
    world.ready().await;
    all_arrive(&world, &answers).await;
    // Once more, while rows cannot be delivered at all.
    world.kill("tenancy-admin");
    let load = Load::start(&agent(&world).await);
    load.more(500).await;
    world.kill("edge");
    answers.extend(load.end().await);
    world.run("edge", None);
    world.run("tenancy-admin", None);
    world.ready().await;
    all_arrive(&world, &answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_edge_without_a_spool_loses_only_the_last_moment() {
    let mut world = World::start(Mode::Apart).await;
    let load = Load::start(&agent(&world).await);
    load.more(300).await;
    let settled: BTreeMap<_, _> = load.answers.lock().unwrap().clone();
    all_arrive(&world, &settled).await;
    load.more(300).await;
    world.kill("edge");
    let killed_at = Instant::now();
    let answers = load.end().await;
    world.run("edge", None);
    world.ready().await;
    let rows = rows(&world).await;
    let missing: Vec<_> = answers
        .iter()
        .filter(|(id, _)| !rows.contains_key(id))
        .collect();
    // 200 ms until they are sent, and as long as the database takes to store them.
    let last_moment = Duration::from_secs(5);
    assert!(
        missing
            .iter()
            .all(|(_, (_, at))| killed_at.duration_since(*at) < last_moment),
        "{missing:?}"
    );
    assert!(settled.keys().all(|id| rows.contains_key(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nobody_waits_while_tenancy_admin_is_away() {
    let mut world = World::start(Mode::Apart).await;
    let load = Load::start(&agent(&world).await);
    load.more(200).await;
    world.kill("tenancy-admin");
    load.more(1000).await;
    world.run("tenancy-admin", None);
    world.ready().await;
    load.more(100).await;
    let answers = load.end().await;
    let odd: Vec<_> = answers
        .values()
        .filter(|(status, _)| ![200, 404].contains(status))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    all_arrive(&world, &answers).await;
    assert_eq!(rows(&world).await.len(), answers.len());
}
