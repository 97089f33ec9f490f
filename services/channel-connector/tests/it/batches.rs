//! Bodies with many things in them, delivered many times in any order: the
//! events are the same.

use std::collections::{BTreeMap, BTreeSet};

use channel_connector::MIGRATOR;
use proto::conversation::v1::{DeliveryStatus, InboundEvent};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rig::{APP_SECRET, COMPANY, Rig, samples};

const FIRST: &str = "1122334455667";
const SECOND: &str = "106540352242922";

/// What an event says, whichever delivery brought it.
fn essence(events: &[InboundEvent]) -> BTreeMap<(i64, String), String> {
    events
        .iter()
        .map(|event| {
            let key = (event.channel_id, event.external_key.clone());
            let said = format!("{:?} {:?}", event.provider_time, event.event);
            (key, said)
        })
        .collect()
}

/// The messages and statuses of the samples, each with an id of its own.
fn changes() -> Vec<Value> {
    let mut changes = Vec::new();
    for (number, (_, body)) in samples("whatsapp").into_iter().enumerate() {
        let sample: Value = serde_json::from_slice(&body).unwrap();
        for change in sample["entry"][0]["changes"].as_array().unwrap() {
            let mut change = change.clone();
            for list in ["messages", "statuses"] {
                if change["value"][list].is_array() {
                    change["value"][list][0]["id"] = format!("wamid.{number}").into();
                }
            }
            changes.push(change);
        }
    }
    changes
}

/// Bodies of `size` changes each, in entries of two.
fn bodies(changes: &[Value], size: usize) -> Vec<String> {
    changes
        .chunks(size)
        .map(|chunk| {
            let entries: Vec<Value> = chunk
                .chunks(2)
                .map(|pair| json!({"id": "9", "changes": pair}))
                .collect();
            json!({"object": "whatsapp_business_account", "entry": entries}).to_string()
        })
        .collect()
}

async fn final_events(rig: &Rig, bodies: &[String]) -> BTreeMap<(i64, String), String> {
    for body in bodies {
        rig.post_signed(body.clone()).await;
    }
    rig.until_idle().await;
    let events = rig.ingested();
    let distinct: BTreeSet<_> = events
        .iter()
        .map(|event| (event.channel_id, event.external_key.clone()))
        .collect();
    assert_eq!(distinct.len(), events.len(), "an event took effect twice");
    essence(&events)
}

async fn connected(pool: PgPool) -> Rig {
    let rig = Rig::start(pool).await;
    for number in [FIRST, SECOND, "5483758353", "743897493242"] {
        rig.whatsapp_of(COMPANY, number, APP_SECRET).await;
    }
    rig
}

/// The samples one by one, in one process; the measure for the tests below.
async fn one_by_one(pool: PgPool) -> BTreeMap<(i64, String), String> {
    let rig = connected(pool).await;
    final_events(&rig, &bodies(&changes(), 1)).await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn batches_duplicates_and_shuffles_end_in_the_same_events(pool: PgPool) {
    let expected = one_by_one(pool.clone()).await;
    assert!(expected.len() >= 30, "{}", expected.len());
    let mut changes = changes();
    for (size, turn) in [(64, 0), (7, 13), (3, 29)] {
        for table in ["inbound_event", "inbound_raw", "channel"] {
            let clear = format!("TRUNCATE channel.{table} RESTART IDENTITY CASCADE");
            sqlx::query(sqlx::AssertSqlSafe(clear))
                .execute(&pool)
                .await
                .unwrap();
        }
        let rig = connected(pool.clone()).await;
        let middle = turn % changes.len();
        changes.rotate_left(middle);
        if turn > 0 {
            changes.reverse();
        }
        let mut twice = bodies(&changes, size);
        twice.extend(bodies(&changes, size + 1));
        let events = final_events(&rig, &twice).await;
        assert_eq!(events, expected, "in batches of {size}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn messages_and_statuses_of_several_numbers_go_to_their_channels(pool: PgPool) {
    let rig = connected(pool).await;
    let value = |number: &str, content: Value| {
        let mut value = json!({
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "1", "phone_number_id": number},
        });
        value
            .as_object_mut()
            .unwrap()
            .extend(content.as_object().unwrap().clone());
        json!({"field": "messages", "value": value})
    };
    let text = |id: &str, from: &str| json!({"id": id, "from": from, "timestamp": "1750000000", "type": "text", "text": {"body": id}});
    let status = |id: &str, status: &str| json!({"id": id, "status": status, "timestamp": "1750000001", "recipient_id": "50688888888"});
    let body = json!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [
            value(FIRST, json!({
                "contacts": [{"profile": {"name": "Uno"}, "wa_id": "5061"}, {"profile": {"name": "Dos"}, "wa_id": "5062"}],
                "messages": [text("a", "5062"), text("b", "5061"), text("c", "5062")],
                "statuses": [status("x", "sent"), status("x", "delivered"), status("y", "read")],
            })),
            value(SECOND, json!({"messages": [text("d", "5061")]})),
        ]},
        {"id": "2", "changes": [value(SECOND, json!({"statuses": [status("z", "failed"), status("z", "warped")]}))]},
        {"id": "3", "changes": [value("999", json!({"messages": [text("e", "5061")]}))]},
    ]});
    rig.post_signed(body.to_string()).await;
    rig.until_idle().await;
    let mut keys: Vec<String> = rig
        .ingested()
        .iter()
        .map(|event| event.external_key.clone())
        .collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "m:a",
            "m:b",
            "m:c",
            "m:d",
            "s:x:delivered",
            "s:x:sent",
            "s:y:read",
            "s:z:failed"
        ]
    );
    let name_of = |text: &str| {
        let found = rig.messages().into_iter().find(|m| m.text == text).unwrap();
        found.profile_name
    };
    assert_eq!(name_of("a"), "Dos");
    assert_eq!(name_of("b"), "Uno");
    assert_eq!(name_of("d"), "");
    let failed = rig
        .statuses()
        .into_iter()
        .find(|news| news.status() == DeliveryStatus::Failed)
        .unwrap();
    assert_eq!(failed.provider_id, "z");
    assert!(!failed.error.is_empty());
}
