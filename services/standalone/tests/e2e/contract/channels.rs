//! Channels, chats, guests, WhatsApp, Telegram and broadcasting.

use serde_json::{Value, json};
use testing::graph;

use super::{Replay, step};
use crate::{path::now, world::META_SECRET};

const AGENT: &str = "agente1@atencion.test";
const ADMIN: &str = "admin@atencion.test";
const NUMBER: &str = "106540352242922";
const CUSTOMER: &str = "50688887777";
const GUEST: &str = "50688888888";

/// Runs the scripts in an order in which each finds what it needs.
pub async fn run(replay: &mut Replay) {
    channels(replay).await;
    whatsapp(replay).await;
    chats(replay).await;
    guests(replay).await;
    files(replay).await;
    telegram(replay).await;
    broadcasting(replay).await;
}

async fn channels(replay: &mut Replay) {
    let store = "POST /api/admin/channels/store";
    let next = "ALTER TABLE channel.channel ALTER COLUMN id RESTART WITH 9";
    let stored = replay
        .run(step(store, 0).after(next).free(&["/data/uuid"]))
        .await;
    replay.run(step(store, 1).set(json!({"token": null}))).await;
    let uuid = stored["data"]["uuid"].clone();

    let list = "POST /api/admin/channels/list";
    let filters = json!({"name": "WhatsApp", "uuid": uuid});
    let paged = step(list, 0).set(json!({"filters": filters}));
    replay.run(paged.free(&["/data/data/0/uuid"])).await;
    let whole = step(list, 1).set(json!({"filters": filters, "paginate": "N"}));
    replay.run(whole.free(&["/data/0/uuid"])).await;
    replay
        .run(step(list, 2).set(json!({"id_company": null})))
        .await;

    let show = "GET /api/admin/channels/show";
    replay.run(step(show, 0).free(&["/data/uuid"])).await;
    replay
        .run(step(show, 1).set(json!({"id_channel": 9999})))
        .await;
    replay
        .run(step(show, 2).set(json!({"id_channel": null})))
        .await;

    let status = "PATCH /api/admin/channels/update-status";
    replay.run(step(status, 1)).await;
    replay
        .run(step(status, 0).set(json!({"channel_status": 0})))
        .await;
    replay
        .run(step(status, 2).set(json!({"id_channel": 9999})))
        .await;
    replay
        .run(step(status, 3).set(json!({"channel_status": 2})))
        .await;

    let update = "PATCH /api/admin/channels/update";
    let on = "UPDATE channel.channel SET active = true WHERE id = 9";
    replay
        .run(step(update, 0).after(on).free(&["/data/uuid"]))
        .await;
    replay
        .run(step(update, 1).set(json!({"id_channel": 9999})))
        .await;
    let nothing = json!({
        "name": null, "app": null, "type": null, "token": null, "secret_key": null,
        "additional_app_id": null,
    });
    replay.run(step(update, 2).set(nothing)).await;
}

async fn telegram(replay: &mut Replay) {
    replay.world.telegram.register_bot("12345:ABC");
    let connect = "POST /api/telegram/setWebhook";
    replay.run(step(connect, 0).by(ADMIN)).await;
    replay
        .run(step(connect, 1).by(ADMIN).set(json!({"bot_token": null})))
        .await;

    let (channel, secret) = bot(replay);
    let update = json!({
        "update_id": 1,
        "message": {
            "message_id": 5, "date": 1_700_000_000, "text": "Hola",
            "chat": {"id": 123_456_789, "type": "private", "first_name": "Ana"},
            "from": {"id": 123_456_789, "is_bot": false, "first_name": "Ana"},
        },
    });
    let received = step("POST /api/telegram/receive/{idChannel}", 0)
        .by_nobody()
        .path("idChannel", channel)
        .header("x-telegram-bot-api-secret-token", secret)
        .body(update);
    replay.run(received).await;
    let agent = replay.user(AGENT).await;
    agent.chat_saying("Hola").await;

    let send = "POST /api/telegram/sendTelegramMessage";
    replay.run(step(send, 0).by(AGENT)).await;
    replay
        .run(step(send, 1).by(AGENT).set(json!({"id_chat": null})))
        .await;
    replay
        .run(step("POST /api/telegram/readTelegramMessages", 0).by(AGENT))
        .await;
}

/// The key of the bot's address and the secret that Telegram was given.
fn bot(replay: &Replay) -> (String, String) {
    let webhook = replay.world.telegram.webhook("12345:ABC");
    let webhook = webhook.expect("the bot has a webhook");
    let key = webhook.url.rsplit('/').next().unwrap().to_owned();
    (key, webhook.secret_token.unwrap())
}

async fn guests(replay: &mut Replay) {
    let store = "POST /api/guest/store";
    let next = "ALTER TABLE conversation.guest ALTER COLUMN id RESTART WITH 12";
    let stored = step(store, 0).after(next);
    replay
        .run(stored.free(&["/data/usuario/token", "/data/token"]))
        .await;
    replay.run(step(store, 1).set(json!({"name": null}))).await;

    let token = "GET /api/guest/get_token_by_phone/{phone}";
    let known = step(token, 0).by(AGENT).path("phone", GUEST);
    replay.run(known.free(&["/data/token"])).await;
    replay
        .run(step(token, 1).by(AGENT).path("phone", "50600000000"))
        .await;
}

async fn whatsapp(replay: &mut Replay) {
    replay.world.graph.register_number(NUMBER, "graph-token");
    let next = "ALTER TABLE channel.channel ALTER COLUMN id RESTART WITH 12";
    sqlx::query(next)
        .execute(&replay.world.database)
        .await
        .unwrap();
    let channel = replay.world.api().whatsapp_channel(NUMBER).await;
    let settings = step("GET /api/meta/getChannelSettingsList", 0)
        .by(AGENT)
        .wanted("/data/0/id_channel", json!(channel))
        .wanted("/data/0/name", json!(format!("WhatsApp {NUMBER}")));
    replay.run(settings.free(&["/data/0/uuid"])).await;

    let receive = "POST /api/meta/readMessagesWAP";
    let chat = "ALTER TABLE conversation.chat ALTER COLUMN id RESTART WITH 123";
    let first = "ALTER TABLE conversation.message ALTER COLUMN id RESTART WITH 1";
    let body: Value = serde_json::from_slice(&written("wamid.1", CUSTOMER, "Hola", 60)).unwrap();
    let signature = graph::sign(META_SECRET, body.to_string().as_bytes());
    let received = step(receive, 0)
        .by_nobody()
        .after(chat)
        .after(first)
        .header("x-hub-signature-256", signature)
        .body(body)
        .free(&["/id_bitacora_log"]);
    replay.run(received).await;

    let send = "POST /api/meta/sendMessagesWAP";
    let agent = replay.user(AGENT).await;
    agent.chat_saying("Hola").await;
    let refused = step(send, 1).set(json!({"file": "aGVsbG8="}));
    replay.run(refused).await;
}

/// What a customer called "Cliente A" writes, `age` seconds ago. Providers tell
/// whole seconds, so what follows an answer must be younger than that second.
fn written(wamid: &str, from: &str, text: &str, age: u64) -> Vec<u8> {
    let text = graph::text_webhook(NUMBER, from, wamid, text, now() + 1 - age);
    let mut body: Value = serde_json::from_slice(&text).unwrap();
    body["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["name"] = "Cliente A".into();
    body.to_string().into_bytes()
}

async fn chats(replay: &mut Replay) {
    let read = "POST /api/chat/getChatMessages";
    replay
        .run(
            step(read, 0)
                .by(AGENT)
                .free(&["/data/messages/0/sender_id"]),
        )
        .await;
    replay
        .run(step(read, 1).by(AGENT).set(json!({"id_chat": null})))
        .await;
    // The guest is named as well, behind the agents.
    let users = json!([
        {"id": 7, "name": "Agente 1"},
        {"id": 1, "name": "Cliente A", "type": "guest"},
    ]);
    let users = step("POST /api/chat/getChatUsers", 0).wanted("/data/users", users);
    replay.run(users.by(AGENT)).await;
    let users = step("POST /api/chat/listChatUsers", 0)
        .by(ADMIN)
        .wanted("/data/data/0/email", json!(AGENT));
    replay.run(users).await;

    let send = "POST /api/chat/sendChatMessage";
    replay.run(step(send, 0).by(AGENT)).await;
    replay
        .run(step(send, 1).by(AGENT).set(json!({"id_chat": "chat-9999"})))
        .await;

    let mark = "POST /api/chat/markAsReadMessage";
    replay.run(step(mark, 0).by(AGENT)).await;
    replay
        .run(
            step(mark, 1)
                .by(AGENT)
                .set(json!({"id_message": "msg-9999"})),
        )
        .await;

    let list = "POST /api/chat/list";
    for wamid in ["wamid.2", "wamid.3"] {
        replay
            .world
            .api()
            .meta_until_accepted(&written(wamid, CUSTOMER, "Hola", 0))
            .await;
    }
    let agent = replay.user(AGENT).await;
    agent.until_unread("chat-123", 2).await;
    replay.run(step(list, 0).by(AGENT)).await;
    replay
        .run(step(list, 1).by(AGENT).set(json!({"paginate": "\"S\""})))
        .await;
}

async fn files(replay: &mut Replay) {
    // The documented file is cut off in the middle.
    let file = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let token = replay.world.api().guest_token(GUEST, AGENT).await;
    // Outside of 24 hours after a message of the customer only templates may go.
    let api = replay.world.api();
    api.meta_until_accepted(&written("wamid.4", GUEST, "Buenas", 0))
        .await;
    replay.user(AGENT).await.chat_saying("Buenas").await;
    // More than documented: what was queued.
    let sent = step("POST /api/meta/sendMessagesWAP", 0)
        .by(AGENT)
        .set(json!({"file": file, "tokenGuest": token}));
    replay.run(sent.free(&["/data"])).await;

    let media = "SELECT filename FROM channel.media ORDER BY created_at DESC LIMIT 1";
    let name: String = sqlx::query_scalar(media)
        .fetch_one(&replay.world.database)
        .await
        .unwrap();
    let meta = "GET /api/meta/getMediaFile";
    replay
        .run(step(meta, 0).by_nobody().set(json!({"filename": name})))
        .await;
    replay
        .run(
            step(meta, 1)
                .by_nobody()
                .set(json!({"filename": "photo_1.jpg"})),
        )
        .await;
    let telegram = "GET /api/telegram/getMediaFile";
    // The documents print no file, so its answer is compared by status alone.
    replay
        .run(step(telegram, 0).set(json!({"filename": name})).file())
        .await;
    replay
        .run(step(telegram, 1).set(json!({"filename": null})))
        .await;
}

async fn broadcasting(replay: &mut Replay) {
    let public = step("POST /api/broadcast/public-message", 0)
        .by(AGENT)
        .wanted("/data/payload/user", json!("Agente 1"));
    replay.run(public).await;
    let empty = step("POST /api/broadcast/public-message", 1).by(AGENT);
    replay.run(empty.set(json!({"message": null}))).await;
    for id in [
        "POST /api/broadcast/private-notification",
        "GET /api/broadcast/channels-info",
        "POST /api/broadcast/sendPresenceChannel",
        "POST /api/broadcast/userPresenceChannelTyping",
        "POST /api/broadcast/publicCustomer-message",
        "POST /api/broadcast/privateCustomer-notification",
        "POST /api/broadcast/sendCustomerPresenceChannel",
        "POST /api/broadcast/userPresenceCustomerChannelTyping",
        "POST /api/broadcast/sendPresenceWAPChannel",
    ] {
        replay.run(step(id, 0).by(AGENT)).await;
    }
}
