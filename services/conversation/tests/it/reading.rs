//! Read marks and unread counts.

use auth::Role;
use chassis::code::Refusal;
use proto::{conversation::v1::MarkAsReadRequest, events::v1::MessageRead};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{CHANNEL, COMPANY, Rig, admin, answer, message, user, wrong_field};

async fn mark(rig: &Rig, caller: &auth::Caller, chat: i64, message: i64) -> Result<(), Refusal> {
    let request = MarkAsReadRequest {
        chat_id: chat,
        message_id: message,
    };
    let call = rig.call(caller);
    answer(rig.chats().mark_as_read(call.request(request)).await).map(|_| ())
}

async fn unread(rig: &Rig, caller: &auth::Caller) -> i64 {
    rig.list(caller, "").await[0].unread
}

/// A chat with three messages of the guest; answers their ids.
async fn three(rig: &Rig) -> (i64, Vec<i64>) {
    let start = rig.clock.now() - Duration::minutes(1);
    let events = (0..3)
        .map(|n| {
            let at = start + Duration::seconds(n);
            message(&format!("m:w.{n}"), "50688888888", &n.to_string(), at)
        })
        .collect();
    let taken = rig.ingest(events).await;
    let ids = taken.iter().map(|result| result.message_id).collect();
    (taken[0].chat_id, ids)
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_mark_moves_forward_and_is_announced_once(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let (chat, ids) = three(&rig).await;
    assert_eq!(unread(&rig, &admin()).await, 3);
    mark(&rig, &admin(), chat, ids[1]).await.unwrap();
    assert_eq!(unread(&rig, &admin()).await, 1);
    mark(&rig, &admin(), chat, ids[0]).await.unwrap();
    mark(&rig, &admin(), chat, ids[1]).await.unwrap();
    assert_eq!(unread(&rig, &admin()).await, 1, "never back");
    mark(&rig, &admin(), chat, ids[2]).await.unwrap();
    assert_eq!(unread(&rig, &admin()).await, 0);
    // Everybody reads for themselves.
    assert_eq!(unread(&rig, &user(Role::Super, 1, 1, None)).await, 3);

    let announced: Vec<MessageRead> = rig.announced("message.read").await;
    let told: Vec<_> = announced
        .iter()
        .map(|read| (read.message_id, &*read.provider_message_id))
        .collect();
    assert_eq!(told, [(ids[1], "w.1"), (ids[2], "w.2")]);
    assert_eq!(
        (announced[0].user_id, announced[0].channel_id),
        (2, CHANNEL)
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn what_one_wrote_is_not_unread(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let (chat, ids) = three(&rig).await;
    let sent = rig.send(&admin(), chat, "Buenas", "").await.unwrap();
    assert_eq!(unread(&rig, &admin()).await, 3);
    assert_eq!(unread(&rig, &user(Role::Super, 1, 1, None)).await, 4);
    mark(&rig, &admin(), chat, ids[2]).await.unwrap();
    assert_eq!(unread(&rig, &admin()).await, 0);
    mark(&rig, &admin(), chat, sent.message_id).await.unwrap();
    let later = rig.clock.now() + Duration::seconds(1);
    rig.take(message("m:x", "50688888888", "?", later)).await;
    assert_eq!(unread(&rig, &admin()).await, 1);
    // Nothing of the guest was new at the second mark.
    let announced: Vec<MessageRead> = rig.announced("message.read").await;
    assert_eq!(announced[1].provider_message_id, "");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn late_arrivals_above_the_mark_are_read(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let (chat, ids) = three(&rig).await;
    let earlier = rig.clock.now() - Duration::minutes(5);
    rig.take(message("m:late", "50688888888", "tarde", earlier))
        .await;
    mark(&rig, &admin(), chat, ids[2]).await.unwrap();
    assert_eq!(unread(&rig, &admin()).await, 0);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_message_of_another_chat_is_not_registered(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let (chat, _) = three(&rig).await;
    let other = rig
        .take(message("m:o", "50677777777", "?", rig.clock.now()))
        .await;
    for id in [0, 999_999, other.message_id] {
        let refused = mark(&rig, &admin(), chat, id).await.unwrap_err();
        assert_eq!(wrong_field(&refused), ("id_message", "NOT_REGISTERED"));
    }
    let stranger = user(Role::Chat, 99, COMPANY + 1, Some(1));
    let refused = mark(&rig, &stranger, chat, other.message_id)
        .await
        .unwrap_err();
    assert_eq!(wrong_field(&refused), ("id_chat", "NOT_REGISTERED"));
}
