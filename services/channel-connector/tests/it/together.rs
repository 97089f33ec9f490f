//! With the real conversation: what a customer writes is one chat, in the order of
//! writing.

use auth::Role;
use channel_connector::MIGRATOR;
use futures_util::future::join_all;
use proto::conversation::v1::{
    GetChatMessagesRequest, ListChatsRequest, Message, chat_service_client::ChatServiceClient,
};
use serde_json::json;
use sqlx::PgPool;
use testing::graph::{change, envelope, text_message, text_webhook};

use crate::rig::{BOT, COMPANY, GUEST, PHONE, Rig, update, user};

/// When the first text is written.
const START: u64 = 1_750_000_000;

/// The one chat there is, as an admin sees it.
async fn only_chat(rig: &Rig) -> Vec<Message> {
    let admin = user(COMPANY, Role::Admin);
    let mut chats = ChatServiceClient::new(rig.talk.clone());
    let list = rig.call(&admin).request(ListChatsRequest::default());
    let listed = chats.list_chats(list).await.unwrap().into_inner().chats;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let read = GetChatMessagesRequest {
        chat_id: listed[0].chat_id,
        ..GetChatMessagesRequest::default()
    };
    let read = chats
        .get_chat_messages(rig.call(&admin).request(read))
        .await;
    read.unwrap().into_inner().messages
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

fn numbers() -> Vec<String> {
    (0..20).map(|number| format!("{number:02}")).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn twenty_texts_posted_at_once_are_one_chat_in_order(pool: PgPool) {
    let rig = Rig::start_together(pool).await;
    rig.whatsapp().await;
    // The last one first, and one of them twice.
    let texts_at = |number: u64| {
        let wamid = format!("wamid.{number}");
        text_webhook(
            PHONE,
            GUEST,
            &wamid,
            &format!("{number:02}"),
            START + number,
        )
    };
    let posts = (0..20)
        .rev()
        .chain([7])
        .map(|number| rig.post_signed(texts_at(number)));
    join_all(posts).await;
    rig.until_idle().await;
    let shown = only_chat(&rig).await;
    assert_eq!(texts(&shown), numbers());
    let mut places: Vec<i64> = shown.iter().map(|message| message.seq).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=20).collect::<Vec<_>>());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn updates_of_one_second_are_shown_in_the_order_of_their_ids(pool: PgPool) {
    let rig = Rig::start_together(pool).await;
    let bot = rig.connect_bot().await;
    let secret = rig.telegram.webhook(BOT).unwrap().secret_token.unwrap();
    let posts = (0..20).rev().map(|number| {
        let body = update(5000 + number, 987_654_321, &format!("{number:02}"));
        rig.post_telegram(&bot.uuid, body, &secret)
    });
    for posted in join_all(posts).await {
        posted.unwrap();
    }
    rig.until_idle().await;
    assert_eq!(texts(&only_chat(&rig).await), numbers());
}

/// WhatsApp says only the second: texts of one second stay in the order in which they came,
/// within a body and from body to body.
#[sqlx::test(migrator = "MIGRATOR")]
async fn bodies_of_one_second_do_not_mix(pool: PgPool) {
    let rig = Rig::start_together(pool).await;
    rig.whatsapp().await;
    let all = numbers();
    for body in all.chunks(4) {
        let messages = body
            .iter()
            .map(|text| text_message(GUEST, &format!("wamid.{text}"), text, START))
            .collect();
        rig.post_signed(envelope(vec![vec![change(PHONE, messages, vec![])]]))
            .await;
    }
    rig.until_idle().await;
    assert_eq!(texts(&only_chat(&rig).await), all);
}

/// Replicas share the work, and no customer's texts overtake each other because of it, although
/// the clocks of the replicas differ.
#[sqlx::test(migrator = "MIGRATOR")]
async fn two_replicas_keep_the_order_of_every_customer(pool: PgPool) {
    let one = Rig::start_together(pool.clone()).await;
    one.whatsapp().await;
    let other = Rig::start_together(pool).await;
    for turn in 0..20 {
        let messages = (0..10)
            .map(|guest| {
                let wamid = format!("wamid.{guest}.{turn}");
                text_message(
                    &format!("5068888000{guest}"),
                    &wamid,
                    &format!("{turn:02}"),
                    START,
                )
            })
            .collect();
        let rig = if turn % 2 == 0 { &one } else { &other };
        rig.post_signed(envelope(vec![vec![change(PHONE, messages, vec![])]]))
            .await;
    }
    one.until_idle().await;
    // In the order in which conversation has taken them.
    let arrived: Vec<(i64, String)> =
        sqlx::query_as("SELECT chat_id, text FROM conversation.message ORDER BY chat_id, seq")
            .fetch_all(&one.pool)
            .await
            .unwrap();
    assert_eq!(arrived.len(), 200);
    for chat in arrived.chunks(20) {
        assert!(chat.iter().all(|(id, _)| *id == chat[0].0));
        let said: Vec<String> = chat.iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(said, numbers());
    }
}

/// NUL, an impossible time and a text of a million characters are messages like others.
#[sqlx::test(migrator = "MIGRATOR")]
async fn odd_messages_are_stored_and_stop_nobody(pool: PgPool) {
    let rig = Rig::start_together(pool).await;
    rig.whatsapp().await;
    let odd = |number: usize, time: &str, text: String| {
        json!({"from": GUEST, "id": format!("wamid.\0{number}"), "timestamp": time,
               "type": "text", "text": {"body": text}})
    };
    let messages = vec![
        odd(1, "99999999999999", "a\0b".into()),
        odd(2, "253402300799", "c".into()),
        odd(3, "-62135596800", "d".into()),
        odd(4, "1750000000", "e".repeat(1_000_000)),
    ];
    let (id, _) = rig
        .post_signed(envelope(vec![vec![change(PHONE, messages, vec![])]]))
        .await;
    rig.until_raw(id, "done").await;
    let shown = only_chat(&rig).await;
    let mut lengths: Vec<usize> = shown.iter().map(|message| message.text.len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [1, 1, 2, 65_536]);
    assert!(texts(&shown).contains(&"ab"));
}
