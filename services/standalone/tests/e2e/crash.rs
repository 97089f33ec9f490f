//! Processes killed by SIGKILL at named points: nothing is lost, nothing happens
//! twice, whatever the moment.

use std::time::{Duration, Instant};

use serde_json::json;
use testing::graph;

use crate::{
    api::Api,
    path::now,
    world::{Mode, PATIENCE, World},
};

const NUMBER: &str = "106540352242922";
const CUSTOMER: &str = "50688887777";

/// Enough of a picture to be told for one.
const PICTURE: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF a picture";

/// A system that will die at `point` of `service`, with a channel.
async fn doomed(mode: Mode, service: &'static str, point: &str) -> (World, Api) {
    let process = mode.process_of(service);
    let world = World::start_with(mode, &[(process, point)]).await;
    world.graph.register_number(NUMBER, "graph-token");
    let admin = world.api().login("admin@atencion.test").await;
    admin.whatsapp_channel(NUMBER).await;
    (world, admin)
}

/// Two messages come in, redelivered as providers do; the process dies on the way
/// and is started again.
async fn inbound_survives(mode: Mode, service: &'static str, point: &'static str) {
    let (mut world, admin) = doomed(mode, service, point).await;
    let process = world.mode.process_of(service);
    let first = graph::text_webhook(NUMBER, CUSTOMER, "wamid.1", "primero", now());
    let second = graph::text_webhook(NUMBER, CUSTOMER, "wamid.2", "segundo", now() + 1);
    let posting = {
        let (admin, first) = (admin.clone(), first.clone());
        tokio::spawn(async move { admin.meta_until_accepted(&first).await })
    };
    world.died(process).await;
    world.run(process, None);
    world.ready().await;
    posting.await.unwrap();
    admin.meta_until_accepted(&second).await;
    admin.meta_until_accepted(&first).await;

    let agent = world.api().login("agente1@atencion.test").await;
    let chat = agent.chat_saying("segundo").await;
    assert_eq!(agent.texts(&chat).await, ["primero", "segundo"]);
    assert_eq!(agent.chats().await.len(), 1);
    events_are_complete(&world, "conversation").await;
}

/// A reply is written; the process dies on the way and is started again.
/// `certain` says whether our side can know that the provider got it.
async fn outbound_survives(mode: Mode, service: &'static str, point: &'static str, certain: bool) {
    let (mut world, admin) = doomed(mode, service, point).await;
    let process = world.mode.process_of(service);
    let webhook = graph::text_webhook(NUMBER, CUSTOMER, "wamid.1", "hola", now());
    admin.meta_until_accepted(&webhook).await;
    let agent = world.api().login("agente1@atencion.test").await;
    let chat = agent.chat_saying("hola").await;
    let replying = {
        let (agent, chat) = (agent.clone(), chat.clone());
        tokio::spawn(async move { reply_until_accepted(&agent, &chat).await })
    };
    world.died(process).await;
    world.run(process, None);
    world.ready().await;
    replying.await.unwrap();

    let status = settled(&world).await;
    if certain {
        assert_eq!(status, "sent");
        assert_eq!(world.graph.sent().len(), 1, "sent twice or never");
    } else {
        assert_eq!(status, "uncertain", "nobody can know, and nobody may guess");
        assert!(world.graph.sent().len() <= 1, "sent twice");
        // What the provider says about it settles the doubt.
        if let Some(sent) = world.graph.sent().first() {
            let opaque = sent.opaque.as_deref();
            let delivered = graph::status_webhook(NUMBER, &sent.wamid, "delivered", opaque);
            admin.meta_until_accepted(&delivered).await;
            until_status(&world, "delivered").await;
        }
    }
    assert_eq!(agent.texts(&chat).await, ["hola", "respuesta"]);
    events_are_complete(&world, "conversation").await;
}

/// A picture comes in; the process dies between provider and chat, and is started
/// again.
async fn file_survives(mode: Mode, service: &'static str, point: &'static str) {
    let (mut world, admin) = doomed(mode, service, point).await;
    let process = world.mode.process_of(service);
    let picture = world.graph.store_media(NUMBER, "image/jpeg", PICTURE);
    let message = graph::media_message(CUSTOMER, "wamid.1", "image", &picture, now());
    let webhook = graph::envelope(vec![vec![graph::change(NUMBER, vec![message], vec![])]]);
    let posting = tokio::spawn(async move { admin.meta_until_accepted(&webhook).await });
    world.died(process).await;
    world.run(process, None);
    world.ready().await;
    posting.await.unwrap();

    let agent = world.api().login("agente1@atencion.test").await;
    let chat = agent.chat_saying("[Imagen]").await;
    let filename = file_shown(&agent, &chat).await;
    assert_eq!(agent.texts(&chat).await, ["[Imagen]"]);
    let path = format!("meta/getMediaFile?filename={filename}");
    let request = world.api().request(reqwest::Method::GET, &path);
    let file = request.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(file, PICTURE);
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM channel.media")
        .fetch_one(&world.database)
        .await
        .unwrap();
    assert_eq!(stored, 1, "fetched again though it was stored");
    events_are_complete(&world, "conversation").await;
}

/// The name of the file of the one message in a chat, once it has come.
async fn file_shown(agent: &Api, chat: &str) -> String {
    let began = Instant::now();
    loop {
        let asked = agent.post("chat/getChatMessages", json!({"id_chat": chat}));
        let answer = asked.await.ok();
        if let Some(filename) = answer["data"]["messages"][0]["file"].as_str() {
            return filename.to_owned();
        }
        assert!(began.elapsed() < PATIENCE, "the file is never shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sends as a careful client does: the same key until there is an answer.
async fn reply_until_accepted(agent: &Api, chat: &str) {
    let began = Instant::now();
    loop {
        let request = agent
            .request(reqwest::Method::POST, "chat/sendChatMessage")
            .header("Idempotency-Key", "reply-1")
            .json(&json!({"id_chat": chat, "message": "respuesta"}));
        if matches!(request.send().await, Ok(answer) if answer.status() == 200) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "the reply is never accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The status of the reply once it no longer waits.
async fn settled(world: &World) -> String {
    let began = Instant::now();
    loop {
        let status: Option<String> = sqlx::query_scalar(
            "SELECT status::text FROM conversation.message WHERE direction::text = 'outbound'",
        )
        .fetch_optional(&world.database)
        .await
        .unwrap();
        match status {
            Some(status) if status != "queued" => return status,
            status => assert!(began.elapsed() < PATIENCE, "the reply stays {status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the reply has a status.
async fn until_status(world: &World, wanted: &str) {
    let began = Instant::now();
    while settled(world).await != wanted {
        assert!(
            began.elapsed() < PATIENCE,
            "the reply never becomes {wanted}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every recorded event has got its position, without gaps.
async fn events_are_complete(world: &World, schema: &str) {
    let began = Instant::now();
    loop {
        let query = format!(
            "SELECT count(*), count(position), COALESCE(max(position), 0) FROM {schema}.outbox"
        );
        let (rows, positioned, last): (i64, i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .fetch_one(&world.database)
            .await
            .unwrap();
        if rows == positioned && rows == last {
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{rows} rows, {positioned} positioned, last {last}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

macro_rules! crashes {
    ($($name:ident: $run:ident($service:literal, $point:literal $(, $more:expr)*);)*) => {$(
        mod $name {
            use crate::world::Mode;

            #[tokio::test(flavor = "multi_thread")]
            async fn together() {
                super::$run(Mode::Together, $service, $point $(, $more)*).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn apart() {
                super::$run(Mode::Apart, $service, $point $(, $more)*).await;
            }
        }
    )*};
}

crashes! {
    webhook_before_its_commit: inbound_survives("channel-connector", "inbound.before_commit");
    webhook_committed_and_not_answered: inbound_survives("channel-connector", "inbound.committed");
    webhook_answered_and_claimed: inbound_survives("channel-connector", "worker.claimed");
    events_stored_and_not_passed_on: inbound_survives("channel-connector", "worker.exploded");
    events_passed_on_and_not_marked: inbound_survives("channel-connector", "worker.ingested");
    file_stored_and_not_told: file_survives("channel-connector", "media.stored");
    file_told_and_not_marked: file_survives("channel-connector", "media.told");
    message_stored_and_not_acknowledged: inbound_survives("conversation", "ingest.committed");
    relay_positioned_and_not_published: inbound_survives("conversation", "conversation/relay.positioned");
    relay_published: inbound_survives("conversation", "conversation/relay.published");
    reply_stored_and_not_acknowledged: outbound_survives("conversation", "send.committed", true);
    reply_queued: outbound_survives("channel-connector", "outbound.committed", true);
    reply_about_to_be_sent: outbound_survives("channel-connector", "outbound.sending", false);
    reply_sent_and_not_recorded: outbound_survives("channel-connector", "outbound.posted", false);
}
