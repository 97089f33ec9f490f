//! A crowd that logs in at once: whoever would wait too long is sent away with a
//! date, and the memory of the process stays that of its hash threads.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    api::Api,
    world::{Mode, World},
};

const CROWD: usize = 200;

/// Far below what the hashes of the crowd would take side by side: 19 MiB each.
const MOST_MEMORY_KIB: u64 = 400 * 1024;

/// Logs in once; the status and the body, and for how long to stay away.
async fn log_in(api: Api) -> (StatusCode, Value, Option<u64>) {
    let credentials = json!({"email": "agente1@atencion.test", "password": "Secret123"});
    let request = api.request(Method::POST, "auth/login").json(&credentials);
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let wait = answer.headers().get("retry-after");
    let wait = wait.and_then(|value| value.to_str().ok()?.parse().ok());
    (status, answer.json().await.expect("JSON"), wait)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_logins_is_served_or_sent_away() {
    let world = World::start(Mode::Together).await;
    let agent = world.api().login("agente1@atencion.test").await;
    let before = world.peak_memory_kib("standalone");

    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        crowd.spawn(log_in(world.api()));
    }
    // Whoever is in already goes on working.
    assert_eq!(agent.chats().await.len(), 0);

    let mut served = 0;
    while let Some(answer) = crowd.join_next().await {
        let (status, body, wait) = answer.unwrap();
        match status {
            StatusCode::OK => {
                served += 1;
                assert!(body["data"]["token"].is_string(), "{body}");
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(wait.is_some_and(|seconds| seconds >= 1), "{wait:?}");
                assert_eq!(body["status"], "error", "{body}");
            }
            other => panic!("{other}: {body}"),
        }
    }
    assert!(served > 0, "nobody was let in");
    let grown = world.peak_memory_kib("standalone") - before;
    assert!(grown < MOST_MEMORY_KIB, "{grown} KiB for {CROWD} logins");
    world.api().login("agente1@atencion.test").await;
}
