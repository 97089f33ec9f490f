//! The rows of the access log, as tenancy-admin gets them.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use chassis::{Lifecycle, Stop, Task};
use http::StatusCode;
use proto::tenancy::v1::AccessRecord;
use serde_json::json;

use crate::{
    fakes::World,
    harness::{AGENT, Answer, Edge, request},
};

/// The longest anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An edge with its tasks running.
struct Running {
    edge: Edge,
    lifecycle: Lifecycle,
}

impl Running {
    fn start(config: edge::Config, world: &Arc<World>) -> Self {
        let lifecycle = Lifecycle::new(PATIENCE);
        let (edge, tasks) = Edge::replica(config, world, &lifecycle.stop());
        run(&lifecycle, tasks);
        Self { edge, lifecycle }
    }

    /// Stops as the process does; everything is delivered then.
    async fn stop(self) {
        drop(self.edge);
        self.lifecycle.run().await;
    }
}

/// Runs tasks that are asked to stop already: the access log goes on for as long as
/// there are requests.
fn run(lifecycle: &Lifecycle, tasks: Vec<Task>) {
    for task in tasks {
        lifecycle.spawn(task);
    }
    lifecycle.stop().request();
}

fn id(answer: &Answer) -> i64 {
    answer.header("x-bitacora-id").parse().unwrap()
}

/// Every row by its id; repeated ones are the same.
fn rows(world: &World) -> BTreeMap<i64, AccessRecord> {
    let mut rows = BTreeMap::new();
    for row in world.rows.lock().unwrap().iter() {
        if let Some(earlier) = rows.insert(row.bitacora_id, row.clone()) {
            assert_eq!(earlier, *row, "a row changed between two deliveries");
        }
    }
    rows
}

/// Sends `count` requests that are refused; answers their ids.
async fn send(edge: &Edge, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(id(&edge.send(request("GET", "/api/nowhere").build()).await));
    }
    ids
}

/// Waits until the rows of all ids are there.
async fn arrived(world: &World, ids: &[i64]) {
    let began = Instant::now();
    loop {
        let there = rows(world);
        let missing = ids.iter().filter(|id| !there.contains_key(id)).count();
        if missing == 0 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{missing} rows miss");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a delivery was refused.
async fn refused(world: &World) {
    let began = Instant::now();
    while world.refused_batches.load(SeqCst) == 0 {
        assert!(began.elapsed() < PATIENCE, "nothing is sent");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn every_request_leaves_a_row() {
    let world = Arc::new(World::default());
    let running = Running::start(edge::Config::default(), &world);
    let edge = &running.edge;
    let body = json!({"id_chat": "chat-123", "message": "Hola 88887777", "id_bitacora_log": 55});
    let sending = request("POST", "/api/chat/sendChatMessage?secret=1")
        .client()
        .bearer(AGENT)
        .header("user-agent", "curl/8")
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .json(&body);
    let sent = edge.send(sending.build()).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
    let stranger = edge.send(request("POST", "/api/chat/list").build()).await;
    let asked = json!({"id_bitacora_log": "x"});
    let wrong = edge.json("POST", "/api/chat/list", &asked).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let lost = edge.send(request("GET", "/api/88887777").build()).await;
    let method = edge.send(request("DELETE", "/api/chat/list").build()).await;
    let preflight =
        request("OPTIONS", "/api/chat/list").header("access-control-request-method", "POST");
    let preflight = edge.send(preflight.build()).await;
    for path in ["/healthz", "/readyz", "/docs"] {
        edge.send(request("GET", path).build()).await;
    }
    running.stop().await;

    let rows = rows(&world);
    assert_eq!(rows.len(), 6, "{rows:#?}");
    let row = |answer| &rows[&id(answer)];
    let words = |answer| {
        let row = row(answer);
        (
            row.method.as_str(),
            row.route.as_str(),
            row.status,
            row.error_code.as_str(),
        )
    };
    assert_eq!(words(&sent), ("POST", "/api/chat/sendChatMessage", 200, ""));
    assert_eq!(
        words(&stranger),
        ("POST", "/api/chat/list", 401, "CLIENT_CREDENTIALS")
    );
    assert_eq!(
        words(&wrong),
        ("POST", "/api/chat/list", 422, "INVALID_INPUT")
    );
    assert_eq!(words(&lost), ("GET", "", 404, "NOT_FOUND"));
    assert_eq!(words(&method), ("DELETE", "", 405, "METHOD_NOT_ALLOWED"));
    assert_eq!(words(&preflight), ("OPTIONS", "", 204, ""));

    let full = row(&sent);
    assert_eq!((full.client_id, full.user_id, full.company_id), (1, 7, 3));
    assert_eq!(full.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(full.claimed_parent_id, 55);
    assert_eq!(full.user_agent_hash.len(), 8);
    assert_eq!(full.request_bytes, body.to_string().len() as u64);
    assert_eq!(full.response_bytes, sent.text.len() as u64);
    assert!(full.latency_us > 0 && full.occurred_at.unwrap().seconds > 0);
    assert_eq!(row(&wrong).claimed_parent_id, 0, "no id, so no claim");
    let bare = row(&stranger);
    assert_eq!((bare.client_id, bare.user_id, bare.company_id), (0, 0, 0));
    assert!(
        !format!("{rows:?}").contains("8888"),
        "nothing of a body or a path"
    );
}

#[tokio::test]
async fn what_a_platform_client_does_belongs_to_no_company() {
    let world = Arc::new(World::default());
    let running = Running::start(edge::Config::default(), &world);
    let asked = request("POST", "/api/admin/channels/list").client();
    let answer = running.edge.send(asked.json(&json!({})).build()).await;
    running.stop().await;
    let row = &rows(&world)[&id(&answer)];
    assert_eq!((row.client_id, row.user_id, row.company_id), (1, 0, 0));
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_row_too() {
    let world = Arc::new(World::default());
    let running = Running::start(edge::Config::default(), &world);
    let asked = request("POST", "/api/chat/list")
        .client()
        .bearer(AGENT)
        .body(
            "application/json",
            axum::body::Body::from_stream(futures_util::stream::pending::<
                Result<bytes::Bytes, std::io::Error>,
            >()),
        );
    let gone = running.edge.send(asked.build());
    assert!(
        tokio::time::timeout(Duration::from_millis(50), gone)
            .await
            .is_err(),
        "it waits for the rest of the body"
    );
    running.stop().await;
    let rows = rows(&world);
    let row = rows.values().next().unwrap();
    assert_eq!((row.status, row.route.as_str()), (499, "/api/chat/list"));
}

#[tokio::test]
async fn rows_wait_for_tenancy_admin_and_no_request_does() {
    let world = Arc::new(World::default());
    let running = Running::start(edge::Config::default(), &world);
    world.tenancy_away.store(true, SeqCst);
    let mut ids = send(&running.edge, 700).await;
    refused(&world).await;
    assert!(world.rows.lock().unwrap().is_empty());
    world.tenancy_away.store(false, SeqCst);
    arrived(&world, &ids).await;
    ids.extend(send(&running.edge, 10).await);
    running.stop().await;
    ids.sort_unstable();
    assert_eq!(rows(&world).into_keys().collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again() {
    let world = Arc::new(World::default());
    let lifecycle = Lifecycle::new(PATIENCE);
    let (edge, tasks) = Edge::replica(edge::Config::default(), &world, &lifecycle.stop());
    let mut ids = send(&edge, 1300).await;
    // The second of three batches is stored, and nobody hears of it.
    world.batches_until_break.store(2, SeqCst);
    drop(edge);
    run(&lifecycle, tasks);
    lifecycle.run().await;
    let delivered = world.rows.lock().unwrap().len();
    assert_eq!(
        delivered,
        1300 + 512,
        "only what was in doubt is sent again"
    );
    ids.sort_unstable();
    assert_eq!(rows(&world).into_keys().collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn spooled_rows_outlive_the_process() {
    let folder = tempfile::TempDir::new().unwrap();
    let world = Arc::new(World::default());
    let config = || edge::Config {
        bitacora_spool: folder.path().to_string_lossy().into_owned(),
        ..edge::Config::default()
    };
    // Nothing runs that could deliver them.
    let (edge, tasks) = Edge::replica(config(), &world, &Stop::default());
    let mut ids = send(&edge, 1300).await;
    drop((edge, tasks));
    assert!(world.rows.lock().unwrap().is_empty());

    world.tenancy_away.store(true, SeqCst);
    let running = Running::start(config(), &world);
    ids.extend(send(&running.edge, 20).await);
    refused(&world).await;
    world.tenancy_away.store(false, SeqCst);
    arrived(&world, &ids).await;
    world.batches_until_break.store(1, SeqCst);
    ids.extend(send(&running.edge, 20).await);
    running.stop().await;
    ids.sort_unstable();
    assert_eq!(rows(&world).into_keys().collect::<Vec<_>>(), ids);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lock"], "what is delivered goes");
}

#[tokio::test]
async fn without_rows_there_are_still_ids() {
    let world = Arc::new(World::default());
    let config = edge::Config {
        bitacora_rows: false,
        ..edge::Config::default()
    };
    let running = Running::start(config, &world);
    assert_eq!(send(&running.edge, 3).await.len(), 3);
    running.stop().await;
    assert!(world.rows.lock().unwrap().is_empty());
}
