//! The main job: a customer writes on WhatsApp or Telegram, an agent sees it live
//! and answers.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testing::graph;

use crate::{
    agent::Agent,
    world::{Mode, PATIENCE, World},
};

const NUMBER: &str = "106540352242922";
const CUSTOMER: &str = "50688887777";

async fn a_customer_writes_and_an_agent_answers(mode: Mode) {
    let world = World::start(mode).await;
    let admin = world.api().login("admin@atencion.test").await;
    let agent_api = world.api().login("agente1@atencion.test").await;
    world.graph.register_number(NUMBER, "graph-token");
    admin.whatsapp_channel(NUMBER).await;
    let mut agent = Agent::connect(&world, &agent_api).await;
    agent.subscribe("private privateuser.7").await;
    agent.refused("private privateuser.2").await;

    let webhook = graph::text_webhook(
        NUMBER,
        CUSTOMER,
        "wamid.first",
        "Hola, necesito ayuda",
        now(),
    );
    for _ in 0..3 {
        assert_eq!(admin.meta(&webhook).await.unwrap(), 200);
    }
    let seen = agent
        .event("privateuser.7", "MessageSent", |data| {
            data["message"] == "Hola, necesito ayuda"
        })
        .await;
    let chat = agent_api.chat_saying("Hola, necesito ayuda").await;
    assert_eq!(seen["data"]["chatId"], chat.as_str());
    assert_eq!(agent_api.texts(&chat).await, ["Hola, necesito ayuda"]);
    assert_eq!(agent_api.chats().await[0]["unread"], 1);

    let room = format!("presencechat.{chat}");
    agent.subscribe(&format!("presence {room}")).await;
    let reply = json!({"id_chat": chat, "message": "Con gusto, cuénteme"});
    let sent = agent_api.post("chat/sendChatMessage", reply).await.ok();
    assert_eq!(sent["data"]["sender_id"], 7);
    let at_provider = world.graph.wait_for_sent(1, PATIENCE).await.unwrap();
    assert_eq!(at_provider[0].to, CUSTOMER);
    assert_eq!(at_provider[0].body["text"]["body"], "Con gusto, cuénteme");
    agent
        .event(&room, "MessageSent", |data| {
            data["message"] == "Con gusto, cuénteme"
        })
        .await;

    let delivered = graph::status_webhook(
        NUMBER,
        &at_provider[0].wamid,
        "delivered",
        at_provider[0].opaque.as_deref(),
    );
    assert_eq!(admin.meta(&delivered).await.unwrap(), 200);
    agent
        .event(&room, "MessageUpdated", |data| {
            data["status"] == "delivered"
        })
        .await;

    let read = json!({"id_chat": chat, "id_message": seen["data"]["id_message"]});
    agent_api.post("chat/markAsReadMessage", read).await.ok();
    assert_eq!(agent_api.chats().await[0]["unread"], 0);
    assert_eq!(
        agent_api.texts(&chat).await,
        ["Hola, necesito ayuda", "Con gusto, cuénteme"]
    );

    let twice = agent.count(|report| {
        report["channel"] == "privateuser.7"
            && report["data"]["message"] == "Hola, necesito ayuda"
            && report["event"]
                .as_str()
                .is_some_and(|event| event.ends_with("MessageSent"))
    });
    assert_eq!(twice, 1, "the agent saw the message more than once");
    assert_eq!(
        world.graph.sent().len(),
        1,
        "the reply was sent more than once"
    );
}

async fn a_telegram_bot_is_connected_and_used(mode: Mode) {
    let world = World::start(mode).await;
    let admin = world.api().login("admin@atencion.test").await;
    let agent = world.api().login("agente1@atencion.test").await;
    world.telegram.register_bot("12345:ABC");
    let bot = json!({"bot_token": "12345:ABC", "company": 3, "name": "Bot soporte"});
    let connected = admin.post("telegram/setWebhook", bot).await.ok();
    assert_eq!(connected["message"], "Webhook configurado");

    let update = json!({
        "update_id": 1,
        "message": {
            "message_id": 5, "date": now(), "text": "Buenas",
            "chat": {"id": 123_456_789, "type": "private", "first_name": "Ana"},
            "from": {"id": 123_456_789, "is_bot": false, "first_name": "Ana"},
        },
    });
    world
        .telegram
        .push_update("12345:ABC", update.clone())
        .unwrap();
    world.telegram.push_update("12345:ABC", update).unwrap();
    let chat = agent.chat_saying("Buenas").await;
    assert_eq!(agent.texts(&chat).await, ["Buenas"]);

    let reply = json!({
        "id_chat": "123456789", "message": "Hola desde la API", "id_user": 7, "name_user": "Agente 1",
    });
    agent.post("telegram/sendTelegramMessage", reply).await.ok();
    let sent = world.telegram.wait_for_sent(1, PATIENCE).await.unwrap();
    assert_eq!(sent[0].body["text"], "Hola desde la API");
    assert_eq!(agent.texts(&chat).await, ["Buenas", "Hola desde la API"]);
}

/// Every sample, posted twice and in both orders, is answered 200, stored, and
/// worked off; texts appear once.
async fn every_sample_is_accepted(mode: Mode) {
    let world = World::start(mode).await;
    let admin = world.api().login("admin@atencion.test").await;
    let whatsapp = samples("whatsapp");
    let telegram = samples("telegram");
    assert!(
        whatsapp.len() >= 60 && telegram.len() >= 150,
        "the samples are missing"
    );
    let mut numbers = BTreeSet::new();
    for (_, body) in &whatsapp {
        collect_numbers(&serde_json::from_slice(body).unwrap(), &mut numbers);
    }
    for number in &numbers {
        admin.whatsapp_channel(number).await;
    }
    world.telegram.register_bot("12345:ABC");
    let bot = json!({"bot_token": "12345:ABC", "company": 3, "name": "Bot soporte"});
    admin.post("telegram/setWebhook", bot).await.ok();
    let hook = world
        .telegram
        .webhook("12345:ABC")
        .expect("a webhook is registered");

    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    for (name, body) in whatsapp.iter().chain(whatsapp.iter().rev()) {
        assert_eq!(admin.meta(body).await.unwrap(), 200, "{name}");
    }
    for (name, body) in telegram.iter().chain(telegram.iter().rev()) {
        let posted = client
            .post(&hook.url)
            .header("Content-Type", "application/json")
            .header(
                "X-Telegram-Bot-Api-Secret-Token",
                hook.secret_token.as_deref().unwrap(),
            )
            .body(body.clone());
        assert_eq!(posted.send().await.unwrap().status(), 200, "{name}");
    }
    let posted = 2 * (whatsapp.len() + telegram.len());
    let count = |condition: &'static str| {
        let pool = world.database.clone();
        let query = format!("SELECT count(*) FROM channel.inbound_raw WHERE {condition}");
        async move {
            let query = sqlx::AssertSqlSafe(query);
            sqlx::query_scalar::<_, i64>(query)
                .fetch_one(&pool)
                .await
                .unwrap()
        }
    };
    assert_eq!(
        count("true").await,
        i64::try_from(posted).unwrap(),
        "rows are missing"
    );
    let began = Instant::now();
    while count("state = 'new'").await > 0 {
        assert!(began.elapsed() < PATIENCE, "rows are not worked off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(count("state = 'dead'").await, 0, "samples were given up");
    let repeated: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT chat_id, provider_id FROM conversation.message
         WHERE provider_id IS NOT NULL GROUP BY chat_id, provider_id HAVING count(*) > 1) again",
    )
    .fetch_one(&world.database)
    .await
    .unwrap();
    assert_eq!(repeated, 0, "messages appear twice");
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM conversation.message")
        .fetch_one(&world.database)
        .await
        .unwrap();
    assert!(
        stored > 100,
        "only {stored} messages came of {posted} webhooks"
    );
}

fn samples(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = testing::samples::webhooks(kind);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

fn collect_numbers(value: &Value, numbers: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(number) = object.get("phone_number_id").and_then(Value::as_str) {
                numbers.insert(number.to_owned());
            }
            object
                .values()
                .for_each(|value| collect_numbers(value, numbers));
        }
        Value::Array(array) => array
            .iter()
            .for_each(|value| collect_numbers(value, numbers)),
        _ => {}
    }
}

/// Seconds since 1970: providers stamp their messages with the present.
pub fn now() -> u64 {
    chassis::Clock::system().unix_seconds().unsigned_abs()
}

macro_rules! in_both_modes {
    ($($test:ident),*) => {$(
        mod $test {
            use crate::world::Mode;

            #[tokio::test(flavor = "multi_thread")]
            async fn together() {
                super::$test(Mode::Together).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn apart() {
                super::$test(Mode::Apart).await;
            }
        }
    )*};
}

in_both_modes!(
    a_customer_writes_and_an_agent_answers,
    a_telegram_bot_is_connected_and_used,
    every_sample_is_accepted
);
