//! Tokens in the whole system: exchanged, ended, and used twice, over the lease that
//! the edge holds on the log of identity.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{
    api::Api,
    world::{Mode, PATIENCE, World},
};

async fn call(api: &Api, method: Method, path: &str, token: &str) -> (StatusCode, Value) {
    let request = api.request(method, path).bearer_auth(token);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

async fn status(api: &Api, token: &str) -> StatusCode {
    call(api, Method::GET, "auth/getRequestUserData", token)
        .await
        .0
}

/// Waits until an edge has renewed its lease: it checks tokens by itself then.
async fn until_leased(world: &World) {
    let leases = async || -> Vec<(String, i64)> {
        sqlx::query_as(
            "SELECT lease_id::text, (extract(epoch FROM expires_at) * 1000)::bigint
             FROM identity.revocation_lease WHERE expires_at > now()",
        )
        .fetch_all(&world.database)
        .await
        .unwrap()
    };
    let deadline = Instant::now() + PATIENCE;
    let mut before = leases().await;
    loop {
        let now = leases().await;
        let renewed = |(id, until): &(String, i64)| {
            before.iter().any(|(known, was)| known == id && until > was)
        };
        if now.iter().any(renewed) {
            return;
        }
        before = now;
        assert!(Instant::now() < deadline, "the edge renews no lease");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn tokens_end_when_the_answer_says_so(mode: Mode) {
    let world = World::start(mode).await;
    until_leased(&world).await;
    let agent = world.api().login("agente1@atencion.test").await;
    let anybody = world.api();
    let first = agent.token();
    assert_eq!(status(&anybody, first).await, 200);
    let refreshed = call(&anybody, Method::GET, "auth/refreshUserToken", first).await;
    assert_eq!(refreshed.0, 200);
    let second = refreshed.1["data"]["token"].as_str().unwrap().to_owned();
    assert_eq!(status(&anybody, first).await, 200);
    assert_eq!(status(&anybody, &second).await, 200);
    assert_eq!(status(&anybody, first).await, 401, "its successor was used");
    assert_eq!(
        status(&anybody, &second).await,
        401,
        "one of them is stolen"
    );

    let agent = world.api().login("agente1@atencion.test").await;
    assert_eq!(agent.post("chat/list", paging()).await.status, 200);
    let logout = call(&anybody, Method::DELETE, "auth/logout", agent.token()).await;
    assert_eq!(logout.0, 200);
    assert_eq!(agent.post("chat/list", paging()).await.status, 401);
}

fn paging() -> Value {
    serde_json::json!({"paginate": "N"})
}

#[tokio::test(flavor = "multi_thread")]
async fn together() {
    tokens_end_when_the_answer_says_so(Mode::Together).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apart() {
    tokens_end_when_the_answer_says_so(Mode::Apart).await;
}
