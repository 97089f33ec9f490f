//! Messages whose answer was lost: never sent twice, and settled where the
//! provider repeats our id.

use channel_connector::MIGRATOR;
use proto::conversation::v1::DeliveryStatus;
use sqlx::PgPool;
use testing::{
    graph::{GraphFailure, status_webhook},
    telegram::TelegramFailure,
};

use crate::rig::{GUEST, PHONE, Rig};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_lost_answer_is_settled_by_the_status_that_repeats_our_id(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.graph.fail_next(GraphFailure::CloseAfterAccepting);
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.until_outbound(1, "uncertain").await;
    rig.until_reported(1, DeliveryStatus::Uncertain).await;
    let sent = rig.graph.sent();
    assert_eq!(sent.len(), 1);
    let wamid = sent[0].wamid.clone();
    let status = status_webhook(PHONE, &wamid, "delivered", sent[0].opaque.as_deref());
    rig.post_signed(status).await;
    let report = rig.until_reported(1, DeliveryStatus::Sent).await;
    assert_eq!(report.provider_id, wamid);
    rig.until_idle().await;
    let news = rig.statuses();
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].message_id, 1);
    assert_eq!(news[0].status(), DeliveryStatus::Delivered);
    assert_eq!(rig.graph.sent().len(), 1, "it was sent again");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_provider_that_does_not_answer_leaves_a_doubt(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let bot = rig.bot().await;
    rig.graph.fail_next(GraphFailure::Hang);
    rig.telegram.fail_next(TelegramFailure::CloseAfterAccepting);
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.request(2, &bot, "987654321", "Hola").await;
    rig.until_reported(1, DeliveryStatus::Uncertain).await;
    let report = rig.until_reported(2, DeliveryStatus::Uncertain).await;
    assert!(!report.error.is_empty());
    // Those behind it go on.
    rig.request(3, &channel, GUEST, "¿Sigue ahí?").await;
    rig.until_reported(3, DeliveryStatus::Sent).await;
    assert_eq!(rig.telegram.sent().len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_dead_process_was_sending_is_in_doubt_and_what_it_held_is_not(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    for (message_id, to) in [(1, GUEST), (2, "50677777777")] {
        rig.request(message_id, &channel, to, "Hola").await;
        rig.until_outbound(message_id, "sent").await;
    }
    // As a process leaves them that died before and after the message went out.
    for (message_id, state) in [(1, "leased"), (2, "sending")] {
        sqlx::query(
            "UPDATE channel.outbound SET state = $2, leased_by = gen_random_uuid(), lease_until = $3,
                    provider_id = '', report = 0, reported = 0 WHERE message_id = $1",
        )
        .bind(message_id)
        .bind(state)
        .bind(rig.clock.now() + time::Duration::seconds(30))
        .execute(&rig.pool)
        .await
        .unwrap();
    }
    rig.conversation.with(|state| state.reports.clear());
    rig.clock.advance(time::Duration::seconds(31));
    rig.until_outbound(1, "sent").await;
    rig.until_outbound(2, "uncertain").await;
    rig.until_reported(2, DeliveryStatus::Uncertain).await;
    assert_eq!(rig.graph.sent().len(), 3);
    let opaque = rig.opaque(2).await;
    let wamid = rig.graph.sent()[1].wamid.clone();
    rig.post_signed(status_webhook(PHONE, &wamid, "sent", Some(&opaque)))
        .await;
    let report = rig.until_reported(2, DeliveryStatus::Sent).await;
    assert_eq!(report.provider_id, wamid);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn statuses_of_known_messages_name_them(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.request(41, &channel, GUEST, "Hola").await;
    rig.until_outbound(41, "sent").await;
    let wamid = rig.graph.sent()[0].wamid.clone();
    // Without our id, as for messages that others may have sent.
    rig.post_signed(status_webhook(PHONE, &wamid, "read", None))
        .await;
    rig.post_signed(status_webhook(PHONE, "wamid.of-others", "read", None))
        .await;
    rig.until_idle().await;
    let mut named: Vec<i64> = rig.statuses().iter().map(|news| news.message_id).collect();
    named.sort_unstable();
    assert_eq!(named, [0, 41]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_status_settles_nothing_of_another_channel(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.whatsapp_of(crate::rig::OTHER, "333", "other-secret")
        .await;
    rig.graph.fail_next(GraphFailure::CloseAfterAccepting);
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.until_outbound(1, "uncertain").await;
    let opaque = rig.opaque(1).await;
    let body = status_webhook("333", "wamid.foreign", "delivered", Some(&opaque));
    let signature = testing::graph::sign("other-secret", &body);
    rig.post_meta(body, &signature).await.unwrap();
    rig.until_idle().await;
    assert_eq!(rig.outbound(1).await.unwrap().0, "uncertain");
    assert_eq!(rig.statuses()[0].message_id, 0);
}
