//! What must not get in: forged webhooks, oversized bodies, strangers.

use serde_json::json;
use testing::graph;

use crate::{
    path::now,
    world::{META_SECRET, Mode, World},
};

const NUMBER: &str = "106540352242922";

async fn webhooks_are_judged_by_their_signature(mode: Mode) {
    let world = World::start(mode).await;
    let admin = world.api().login("admin@atencion.test").await;
    admin.whatsapp_channel(NUMBER).await;
    world.telegram.register_bot("12345:ABC");
    let bot = json!({"bot_token": "12345:ABC", "company": 3, "name": "Bot soporte"});
    admin.post("telegram/setWebhook", bot).await.ok();
    let hook = world.telegram.webhook("12345:ABC").unwrap();
    let rows = || async {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM channel.inbound_raw")
            .fetch_one(&world.database)
            .await
            .unwrap()
    };

    // Forged, missing, of another channel: refused, nothing stored.
    let body = graph::text_webhook(NUMBER, "50688887777", "wamid.1", "hola", now());
    let forged = graph::sign("another secret", &body);
    assert_eq!(admin.meta_signed(&body, &forged).await.unwrap(), 401);
    assert_eq!(admin.meta_signed(&body, "").await.unwrap(), 401);
    assert_eq!(admin.meta_signed(&body, "sha256=zz").await.unwrap(), 401);
    let mut tampered = body.clone();
    tampered.push(b' ');
    assert_eq!(
        admin
            .meta_signed(&tampered, &graph::sign(META_SECRET, &body))
            .await
            .unwrap(),
        401
    );
    let client = reqwest::Client::builder().build().unwrap();
    let telegram = |secret: &'static str| {
        client
            .post(&hook.url)
            .header("X-Telegram-Bot-Api-Secret-Token", secret)
            .json(&json!({"update_id": 9}))
            .send()
    };
    assert_eq!(telegram("wrong").await.unwrap().status(), 401);
    let bare = client
        .post(&hook.url)
        .json(&json!({"update_id": 9}))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    assert_eq!(rows().await, 0, "something refused was stored");

    // Too large: refused before it is read whole.
    let large = vec![b' '; 5 * 1024 * 1024];
    assert_eq!(admin.meta(&large).await.unwrap(), 413);
    assert_eq!(rows().await, 0);

    // Signed garbage and unknown channels are kept for people to look at.
    let garbage = format!("{{\"phone_number_id\":\"{NUMBER}\", this is no JSON");
    assert_eq!(admin.meta(garbage.as_bytes()).await.unwrap(), 200);
    let unknown = graph::text_webhook("999", "50688887777", "wamid.2", "hola", now());
    assert_eq!(admin.meta(&unknown).await.unwrap(), 200);
    let states: Vec<String> =
        sqlx::query_scalar("SELECT state::text FROM channel.inbound_raw ORDER BY id")
            .fetch_all(&world.database)
            .await
            .unwrap();
    assert_eq!(states, ["dead", "orphan"]);
}

async fn the_address_is_verified_for_meta(mode: Mode) {
    let world = World::start(mode).await;
    let client = reqwest::Client::builder().build().unwrap();
    let ask = |token: &str| {
        let url = format!(
            "{}/api/meta/readMessagesWAP?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}",
            world.url()
        );
        client.get(url).send()
    };
    let right = ask("verify-me").await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(right.text().await.unwrap(), "1158201444");
    assert_eq!(ask("guess").await.unwrap().status(), 403);
}

/// A chat of one company does not exist for the other.
async fn companies_do_not_see_each_other(mode: Mode) {
    let world = World::start(mode).await;
    let admin = world.api().login("admin@atencion.test").await;
    let stranger = world.api().login("admin@otra.test").await;
    world.graph.register_number(NUMBER, "graph-token");
    let channel = admin.whatsapp_channel(NUMBER).await;
    let body = graph::text_webhook(NUMBER, "50688887777", "wamid.1", "secreto", now());
    admin.meta_until_accepted(&body).await;
    let chat = admin.chat_saying("secreto").await;

    assert!(stranger.chats().await.is_empty());
    let read = stranger
        .post("chat/getChatMessages", json!({"id_chat": chat}))
        .await;
    assert_eq!(read.status, 422);
    let write = json!({"id_chat": chat, "message": "intruso"});
    assert_eq!(
        stranger.post("chat/sendChatMessage", write).await.status,
        422
    );
    let switch = json!({"id_channel": channel, "channel_status": 0});
    let switched = stranger.patch("admin/channels/update-status", switch).await;
    assert_eq!(switched.status, 404);
    assert_eq!(switched.json["message"], "El canal indicado no existe.");
    let list = stranger
        .post("admin/channels/list", json!({"id_company": 3}))
        .await
        .ok();
    assert_eq!(list["data"]["total"], 0);
    let whatsapp =
        json!({"whatsapp_channel": channel.to_string(), "to": "50688887777", "message": "x"});
    assert_eq!(
        stranger.post("meta/sendMessagesWAP", whatsapp).await.status,
        422
    );
    assert_eq!(admin.texts(&chat).await, ["secreto"]);
    assert!(world.graph.sent().is_empty());
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
    webhooks_are_judged_by_their_signature,
    the_address_is_verified_for_meta,
    companies_do_not_see_each_other
);
