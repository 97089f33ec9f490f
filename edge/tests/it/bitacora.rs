//! The ids of the access log.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::SeqCst},
};

use chassis::Stop;
use serde_json::{Value, json};

use crate::{
    fakes::World,
    harness::{Answer, Edge, request},
};

const HIGH: i64 = 1 << 52;

fn id(answer: &Answer) -> i64 {
    answer.header("x-bitacora-id").parse().unwrap()
}

async fn ask(edge: &Edge) -> i64 {
    id(&edge.send(request("GET", "/healthz").build()).await)
}

#[tokio::test]
async fn every_request_has_its_own_id_across_blocks() {
    let edge = Edge::new();
    let mut ids = BTreeSet::new();
    for _ in 0..50 {
        ids.insert(ask(&edge).await);
    }
    assert_eq!(ids.len(), 50);
    assert!(ids.iter().all(|id| (1001..HIGH).contains(id)), "{ids:?}");
    let lost = edge.send(request("GET", "/nowhere").build()).await;
    assert!(ids.insert(id(&lost)));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_never_give_the_same_id() {
    let world = Arc::new(World::default());
    let asking: Vec<_> = (0..3)
        .map(|number| {
            let (edge, _) = Edge::replica(edge::Config::default(), &world, &Stop::default());
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for turn in 0..200 {
                    if number == 0 && turn % 50 == 0 {
                        // Blocks are refused now and then.
                        world.tenancy_away.fetch_not(SeqCst);
                    }
                    ids.push(ask(&edge).await);
                }
                ids
            })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for asked in asking {
        for id in asked.await.unwrap() {
            assert!((1..2 * HIGH).contains(&id));
            assert!(ids.insert(id), "{id} was given twice");
        }
    }
    // Which of the ids above came from where depends on the moment; these do not.
    for away in [false, true] {
        world.tenancy_away.store(away, SeqCst);
        let (edge, _) = Edge::replica(edge::Config::default(), &world, &Stop::default());
        let id = ask(&edge).await;
        assert_eq!(id >= HIGH, away);
        assert!(ids.insert(id), "{id} was given twice");
    }
}

#[tokio::test]
async fn the_api_goes_on_while_nobody_leases_ids() {
    let edge = Edge::new();
    edge.world.tenancy_away.store(true, SeqCst);
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        ids.insert(ask(&edge).await);
    }
    assert_eq!(ids.len(), 20);
    assert!(
        ids.iter().all(|id| (HIGH..2 * HIGH).contains(id)),
        "{ids:?}"
    );
}

#[tokio::test]
async fn a_sent_id_is_echoed_when_it_is_one() {
    let edge = Edge::new();
    let echoed = async |sent: Value| {
        let body = json!({"id_chat": "chat-123", "message": "x", "id_bitacora_log": sent});
        let answer = edge.json("POST", "/api/chat/sendChatMessage", &body).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
        let own = id(&answer);
        let shown = answer.json()["id_bitacora_log"].as_i64().unwrap();
        (shown != own).then_some(shown)
    };
    assert_eq!(echoed(json!(736_014)).await, Some(736_014));
    assert_eq!(echoed(json!(" 736014 ")).await, Some(736_014));
    for odd in [
        json!(null),
        json!(0),
        json!(-4),
        json!(1.5),
        json!("-4"),
        json!("x"),
        json!([1]),
        json!({"a": 1}),
        json!(1_i64 << 53),
        json!("99999999999999999999"),
    ] {
        assert_eq!(echoed(odd.clone()).await, None, "{odd}");
    }
}

#[tokio::test]
async fn it_is_read_from_the_query_too_and_shown_in_refusals() {
    let edge = Edge::new();
    let answer = edge
        .json(
            "GET",
            "/api/guest/get_token_by_phone/1?id_bitacora_log=55",
            &json!({}),
        )
        .await;
    assert_eq!(
        answer.text,
        r#"{"status":"error","message":"Usuario no encontrado","code":400,"id_bitacora_log":55}"#
    );
}

#[tokio::test]
async fn two_operations_show_their_own_id_as_text() {
    let edge = Edge::new();
    let answer = edge
        .json(
            "POST",
            "/api/SSO/access",
            &json!({"id_bitacora_log": 123_456}),
        )
        .await;
    assert_eq!(
        answer.json()["id_bitacora_log"],
        json!(answer.header("x-bitacora-id"))
    );
}
