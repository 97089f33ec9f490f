//! The main job: a customer writes on WhatsApp or Telegram, an agent sees it live
//! and answers.

use std::time::{Duration, Instant};

use serde_json::json;
use testing::graph;

use crate::{
    agent::Agent,
    samples::Samples,
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

/// Two agents on two replicas are in one room: each sees the other come and go,
/// and both hear what is said.
async fn presence_is_one_on_all_replicas(mode: Mode) {
    let world = World::start(mode).await;
    let admin = world.api().login("admin@atencion.test").await;
    let agent = world.api().login("agente1@atencion.test").await;
    let room = "presencechat.sala-1";
    let mut first = Agent::connect(&world, &agent).await;
    first.subscribe("presence presencechat.sala-1").await;
    let mut second = Agent::connect_to(&world, world.other_socket_port(), &admin).await;
    second.subscribe("presence presencechat.sala-1").await;
    let names = second.present(room).await.to_string();
    assert!(names.contains("Agente 1"), "{names}");
    let joined = first.movement(room, "joining").await.to_string();
    assert!(!joined.contains("Agente 1"), "{joined}");

    let body = json!({"message": "Hola a la sala", "room_id": "sala-1"});
    let sent = admin.post("broadcast/sendPresenceChannel", body).await.ok();
    assert_eq!(
        sent,
        json!({"status": "success", "message": "Mensaje enviado"})
    );
    let said = |data: &serde_json::Value| data["message"] == "Hola a la sala";
    first.event(room, "MessageSent", said).await;
    second.event(room, "MessageSent", said).await;

    drop(second);
    first.movement(room, "leaving").await;
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
/// worked off; texts appear once. Many samples carry the same ids, so each is
/// given ids of its own.
async fn every_sample_is_accepted(mode: Mode) {
    let world = World::start(mode).await;
    let admin = world.api().login("admin@atencion.test").await;
    let whatsapp = Samples::read("whatsapp");
    let telegram = Samples::read("telegram");
    assert!(
        whatsapp.bodies.len() >= 60,
        "the samples of WhatsApp are missing"
    );
    assert!(
        telegram.bodies.len() >= 150,
        "the samples of Telegram are missing"
    );
    for number in &whatsapp.numbers {
        admin.whatsapp_channel(number).await;
    }
    world.telegram.register_bot("12345:ABC");
    let bot = json!({"bot_token": "12345:ABC", "company": 3, "name": "Bot soporte"});
    admin.post("telegram/setWebhook", bot).await.ok();
    let hook = world
        .telegram
        .webhook("12345:ABC")
        .expect("a webhook is registered");
    let secret = hook.secret_token.as_deref().expect("with a secret");

    for (name, body) in whatsapp.there_and_back() {
        assert_eq!(admin.meta(body).await.unwrap(), 200, "{name}");
    }
    for (name, body) in telegram.there_and_back() {
        let posted = admin.telegram(&hook.url, secret, body).await.unwrap();
        assert_eq!(posted, 200, "{name}");
    }
    let posted = 2 * (whatsapp.bodies.len() + telegram.bodies.len());
    let rows = count(&world, "channel.inbound_raw").await;
    assert_eq!(rows, i64::try_from(posted).unwrap(), "rows are missing");
    worked_off(&world).await;
    let dead = count(&world, "channel.inbound_raw WHERE state::text = 'dead'").await;
    assert_eq!(dead, 0, "samples were given up");
    assert_eq!(texts(&world, "whatsappfb").await, whatsapp.texts);
    assert_eq!(texts(&world, "telegram").await, telegram.texts);
}

/// Waits until no body and no event waits any more.
async fn worked_off(world: &World) {
    let began = Instant::now();
    let waiting = "channel.inbound_raw WHERE state::text = 'new'";
    while count(world, waiting).await > 0 {
        assert!(began.elapsed() < PATIENCE, "rows are not worked off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn count(world: &World, of: &str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {of}"));
    sqlx::query_scalar(query)
        .fetch_one(&world.database)
        .await
        .unwrap()
}

/// The texts that customers wrote on channels of a type, sorted.
async fn texts(world: &World, channel_type: &str) -> Vec<String> {
    let mut texts: Vec<String> = sqlx::query_scalar(
        "SELECT message.text FROM conversation.message
         JOIN conversation.chat ON chat.id = message.chat_id
         JOIN channel.channel ON channel.id = chat.channel_id
         WHERE message.kind = 'text' AND message.direction::text = 'inbound'
           AND channel.type::text = $1",
    )
    .bind(channel_type)
    .fetch_all(&world.database)
    .await
    .unwrap();
    texts.sort();
    texts
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
    presence_is_one_on_all_replicas,
    a_telegram_bot_is_connected_and_used,
    every_sample_is_accepted
);
