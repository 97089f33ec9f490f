//! Tokens in the whole system: exchanged, ended, and used twice, over the leases
//! that the replicas of the edge hold on the log of identity.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Row;

use crate::{
    api::Api,
    world::{Mode, PATIENCE, World},
};

const AGENT: &str = "agente1@atencion.test";

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

/// What every replica says of a token, one after the other.
async fn statuses(world: &World, token: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for api in world.apis() {
        statuses.push(status(&api, token).await.as_u16());
    }
    statuses
}

/// Waits until every edge has renewed its lease: they check tokens by themselves
/// then.
async fn until_leased(world: &World) {
    let leases = async || -> HashMap<String, i64> {
        sqlx::query_as(
            "SELECT lease_id::text, (extract(epoch FROM expires_at) * 1000)::bigint
             FROM identity.revocation_lease WHERE expires_at > now()",
        )
        .fetch_all(&world.database)
        .await
        .unwrap()
        .into_iter()
        .collect()
    };
    let deadline = Instant::now() + PATIENCE;
    let mut before = leases().await;
    let edges = world.apis().len();
    loop {
        let now = leases().await;
        let renewed =
            |(id, until): &(&String, &i64)| before.get(*id).is_some_and(|was| *until > was);
        if now.iter().filter(renewed).count() >= edges {
            return;
        }
        for (id, until) in now {
            before.entry(id).or_insert(until);
        }
        assert!(Instant::now() < deadline, "the edges renew no leases");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A link to reset a password as identity makes it, with the verifier `abc123`;
/// answers its selector.
pub async fn recovery_link(world: &World, email: &str, product: &str) -> String {
    let made = sqlx::query(
        "INSERT INTO identity.password_reset
             (selector, email, product, link_base, client_id, requested_at, expires_at,
              user_id, verifier_digest)
         SELECT gen_random_uuid(), email, $2, '', 1, now(), now() + interval '1 hour',
                user_id, sha256('abc123')
         FROM identity.users WHERE email = $1
         RETURNING selector::text",
    )
    .bind(email)
    .bind(product)
    .fetch_one(&world.database)
    .await
    .unwrap();
    made.get(0)
}

async fn tokens_are_exchanged_once(world: &World) {
    let anybody = world.api();
    let agent = anybody.login(AGENT).await;
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
}

/// Logout, switching off and a reset password: when one of them has answered, no
/// replica takes the token.
async fn tokens_end_when_the_answer_says_so(world: &World, who_forgets: &str) {
    let agent = world.api().login(AGENT).await;
    let good = vec![200; world.apis().len()];
    let void = vec![401; world.apis().len()];
    assert_eq!(statuses(world, agent.token()).await, good);
    let logout = call(&world.api(), Method::DELETE, "auth/logout", agent.token()).await;
    assert_eq!(logout.0, 200);
    assert_eq!(statuses(world, agent.token()).await, void);

    let agent = world.api().login(AGENT).await;
    assert_eq!(statuses(world, agent.token()).await, good);
    let switch = async |status: u8| {
        let asked = json!({"id_user": 7, "status": status});
        world.api().patch("users/status/7", asked).await.ok();
    };
    switch(0).await;
    assert_eq!(statuses(world, agent.token()).await, void);
    switch(1).await;
    assert_eq!(
        statuses(world, agent.token()).await,
        void,
        "void stays void"
    );

    let user = world.api().login(who_forgets).await;
    assert_eq!(statuses(world, user.token()).await, good);
    let reset = json!({
        "id": recovery_link(world, who_forgets, "").await, "token": "abc123",
        "email": who_forgets, "password": "lluvia-de-octubre",
        "password_confirmation": "lluvia-de-octubre",
    });
    world.api().post("auth/password/reset", reset).await.ok();
    assert_eq!(statuses(world, user.token()).await, void);
}

/// Without identity no replica takes a token that it cannot know to be good, and
/// each takes it again when identity is back.
async fn who_is_cut_off_lets_nobody_in(world: &mut World) {
    let agent = world.api().login(AGENT).await;
    assert_eq!(statuses(world, agent.token()).await, [200, 200]);
    world.kill("identity");
    let away = [503, 503];
    let began = Instant::now();
    while statuses(world, agent.token()).await != away {
        assert!(began.elapsed() < PATIENCE, "the leases never end");
    }
    for _ in 0..20 {
        assert_eq!(statuses(world, agent.token()).await, away);
    }
    world.run("identity", None);
    world.ready().await;
    let began = Instant::now();
    while statuses(world, agent.token()).await != [200, 200] {
        assert!(began.elapsed() < PATIENCE, "the replicas do not recover");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn together() {
    let world = World::start(Mode::Together).await;
    until_leased(&world).await;
    tokens_are_exchanged_once(&world).await;
    tokens_end_when_the_answer_says_so(&world, "admin@atencion.test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_two_replicas_with_redis_and_without() {
    let mut world = World::start(Mode::Replicated).await;
    until_leased(&world).await;
    tokens_are_exchanged_once(&world).await;
    tokens_end_when_the_answer_says_so(&world, "admin@atencion.test").await;
    world.stop_redis().await;
    tokens_end_when_the_answer_says_so(&world, "juan@empresa.com").await;
    tokens_are_exchanged_once(&world).await;
    who_is_cut_off_lets_nobody_in(&mut world).await;
}
