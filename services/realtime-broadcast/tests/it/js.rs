//! The real client libraries, pusher-js and laravel-echo, against the service.

use std::{process::Stdio, sync::Arc, time::Duration};

use axum::{Form, Json, Router, extract::State, http::HeaderMap, routing::post};
use proto::realtime::v1::{
    AuthenticateUserRequest, AuthorizeChannelRequest,
    realtime_service_client::RealtimeServiceClient, target::Target as Wanted,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{net::TcpListener, process::Command};

use crate::{
    publishing::publish_to,
    world::{KEY, Node, World},
};

/// The longest a script may take.
const LONGEST: Duration = Duration::from_mins(1);

/// What the edge offers to the client libraries, for whatever user the test
/// header names.
struct Backend {
    world: World,
    realtime: RealtimeServiceClient<chassis::Upstream>,
}

#[derive(Deserialize)]
struct AuthForm {
    socket_id: String,
    #[serde(default)]
    channel_name: String,
}

type Answer = Result<Json<Value>, axum::http::StatusCode>;

fn user(headers: &HeaderMap) -> i64 {
    headers["x-test-user"].to_str().unwrap().parse().unwrap()
}

async fn authorize(
    State(backend): State<Arc<Backend>>,
    headers: HeaderMap,
    Form(form): Form<AuthForm>,
) -> Answer {
    let request = AuthorizeChannelRequest {
        socket_id: form.socket_id,
        channel_name: form.channel_name,
    };
    let request = backend.world.user(user(&headers)).request(request);
    let grant = backend.realtime.clone().authorize_channel(request).await;
    let grant = grant
        .map_err(|_| axum::http::StatusCode::FORBIDDEN)?
        .into_inner();
    let mut answer = json!({"auth": grant.auth});
    if !grant.channel_data.is_empty() {
        answer["channel_data"] = grant.channel_data.into();
    }
    Ok(Json(answer))
}

async fn authenticate(
    State(backend): State<Arc<Backend>>,
    headers: HeaderMap,
    Form(form): Form<AuthForm>,
) -> Answer {
    let request = AuthenticateUserRequest {
        socket_id: form.socket_id,
    };
    let request = backend.world.user(user(&headers)).request(request);
    let grant = backend.realtime.clone().authenticate_user(request).await;
    let grant = grant
        .map_err(|_| axum::http::StatusCode::FORBIDDEN)?
        .into_inner();
    Ok(Json(
        json!({"auth": grant.auth, "user_data": grant.user_data}),
    ))
}

/// Publishes `{kind, name, event, data, except}` as the REST surface would.
async fn publish(State(backend): State<Arc<Backend>>, Json(asked): Json<Value>) -> Answer {
    let name = asked["name"].as_str().unwrap().to_owned();
    let target = match asked["kind"].as_str().unwrap() {
        "public" => Wanted::PublicChat(name),
        "private" => Wanted::PrivateUser(name.parse().unwrap()),
        "presence" => Wanted::PresenceChat(name),
        other => panic!("unknown kind {other}"),
    };
    let data = asked["data"].to_string();
    let mut publish = publish_to(target, asked["event"].as_str().unwrap(), &data);
    publish.except_socket_id = asked["except"].as_str().unwrap_or_default().to_owned();
    let request = backend.world.service().request(publish);
    let answer = backend
        .realtime
        .clone()
        .publish(request)
        .await
        .unwrap()
        .into_inner();
    Ok(Json(json!({"channel": answer.logical_name})))
}

/// Runs a script of `libs/testing/js` against a replica; it says on standard
/// error what went wrong.
async fn run(world: World, node: &Node, script: &str) {
    let folder = tokio::task::spawn_blocking(testing::js::install)
        .await
        .unwrap();
    let backend = Arc::new(Backend {
        world,
        realtime: node.client(),
    });
    let routes = Router::new()
        .route("/broadcasting/auth", post(authorize))
        .route("/broadcasting/user-auth", post(authenticate))
        .route("/publish", post(publish))
        .with_state(backend);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend_url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let child = Command::new("node")
        .arg(folder.join(script))
        .env("APP_KEY", KEY)
        .env("WS_PORT", node.address.port().to_string())
        .env("BACKEND", backend_url)
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node.js 20 is needed");
    let output = tokio::time::timeout(LONGEST, child.wait_with_output()).await;
    let output = output.expect("the script does not end").unwrap();
    serving.abort();
    assert!(
        output.status.success(),
        "{script} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn pusher_js_works(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    run(world, &node, "pusher.mjs").await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn laravel_echo_works(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    run(world, &node, "echo.mjs").await;
}
