//! News of our messages: it only moves forward and none of it is lost.

use chassis::{ErrorCode, Lifecycle};
use host::{UpstreamUris, Upstreams};
use proto::{
    conversation::v1::{
        DeliveryStatus, InboundStatus, IngestOutcome, ReportDeliveryRequest, inbound_event,
    },
    events::v1::MessageStatusChanged,
};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{Rig, admin, answer, build, connector, keys, message, news, outcomes, user};

/// A rig with a message of ours that waits to be sent.
async fn queued(pool: PgPool) -> (Rig, i64, i64) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    let sent = rig.send(&admin(), chat, "Buenas", "").await.unwrap();
    assert_eq!(sent.status(), DeliveryStatus::Queued);
    (rig, chat, sent.message_id)
}

async fn status(rig: &Rig, chat: i64) -> DeliveryStatus {
    rig.messages(&admin(), chat).await.last().unwrap().status()
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_message_goes_its_way_and_each_step_is_announced_once(pool: PgPool) {
    let (rig, chat, id) = queued(pool).await;
    assert_eq!(
        rig.report(id, DeliveryStatus::Sent, "w.1").await,
        DeliveryStatus::Sent
    );
    // The same report again, and one that comes too late.
    assert_eq!(
        rig.report(id, DeliveryStatus::Sent, "w.1").await,
        DeliveryStatus::Sent
    );
    assert_eq!(
        rig.report(id, DeliveryStatus::Uncertain, "").await,
        DeliveryStatus::Sent
    );
    let now = rig.clock.now();
    let delivered = news("w.1", DeliveryStatus::Delivered, now);
    let read = news("w.1", DeliveryStatus::Read, now);
    let taken = rig.ingest(vec![read.clone(), delivered, read]).await;
    assert_eq!(
        outcomes(&taken),
        [
            IngestOutcome::Stored,
            IngestOutcome::Stored,
            IngestOutcome::Duplicate
        ]
    );
    assert_eq!((taken[0].chat_id, taken[0].message_id), (chat, id));
    assert_eq!(status(&rig, chat).await, DeliveryStatus::Read);
    let steps: Vec<MessageStatusChanged> = rig.announced("message.status_changed").await;
    let steps: Vec<_> = steps.iter().map(MessageStatusChanged::status).collect();
    assert_eq!(steps, [DeliveryStatus::Sent, DeliveryStatus::Read]);
    // Sent, uncertain, delivered and read are all on record.
    assert_eq!(rig.count("message_status_event").await, 4);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_delivery_after_a_failure_counts(pool: PgPool) {
    let (rig, chat, id) = queued(pool).await;
    rig.report(id, DeliveryStatus::Sent, "w.1").await;
    let now = rig.clock.now();
    rig.take(news("w.1", DeliveryStatus::Failed, now)).await;
    assert_eq!(status(&rig, chat).await, DeliveryStatus::Failed);
    let steps: Vec<MessageStatusChanged> = rig.announced("message.status_changed").await;
    assert_eq!(steps.last().unwrap().error, "No se pudo entregar.");
    rig.take(news("w.1", DeliveryStatus::Delivered, now)).await;
    assert_eq!(status(&rig, chat).await, DeliveryStatus::Delivered);
    let steps: Vec<MessageStatusChanged> = rig.announced("message.status_changed").await;
    assert_eq!(steps.last().unwrap().error, "");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_failure_after_a_delivery_is_only_recorded(pool: PgPool) {
    let (rig, chat, id) = queued(pool).await;
    rig.report(id, DeliveryStatus::Sent, "w.1").await;
    let now = rig.clock.now();
    rig.take(news("w.1", DeliveryStatus::Delivered, now)).await;
    let late = rig.take(news("w.1", DeliveryStatus::Failed, now)).await;
    assert_eq!(late.outcome(), IngestOutcome::Stored);
    assert_eq!(status(&rig, chat).await, DeliveryStatus::Delivered);
    assert_eq!(rig.count("message_status_event").await, 3);
    assert_eq!(
        rig.report(id, DeliveryStatus::Failed, "").await,
        DeliveryStatus::Delivered
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn news_before_the_id_is_known_waits_for_it(pool: PgPool) {
    let (rig, chat, id) = queued(pool).await;
    let now = rig.clock.now();
    let early = vec![
        news("w.1", DeliveryStatus::Delivered, now),
        news("w.1", DeliveryStatus::Sent, now),
        news("w.1", DeliveryStatus::Delivered, now),
    ];
    let parked = rig.ingest(early).await;
    assert_eq!(outcomes(&parked), vec![IngestOutcome::Parked; 3]);
    assert_eq!(status(&rig, chat).await, DeliveryStatus::Queued);
    // The answer of the report tells what is known by now.
    let after = rig.report(id, DeliveryStatus::Sent, "w.1").await;
    assert_eq!(after, DeliveryStatus::Delivered);
    assert_eq!(rig.count("pending_status").await, 0);
    let again = rig.take(news("w.1", DeliveryStatus::Delivered, now)).await;
    assert_eq!(again.outcome(), IngestOutcome::Duplicate);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn news_that_waited_for_a_day_is_not_applied(pool: PgPool) {
    let (rig, _, id) = queued(pool).await;
    rig.take(news("w.1", DeliveryStatus::Delivered, rig.clock.now()))
        .await;
    rig.clock.advance(Duration::hours(25));
    let after = rig.report(id, DeliveryStatus::Sent, "w.1").await;
    assert_eq!(after, DeliveryStatus::Sent);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn an_echo_of_our_id_tells_the_id_of_the_provider(pool: PgPool) {
    let (rig, chat, id) = queued(pool).await;
    rig.report(id, DeliveryStatus::Uncertain, "").await;
    let now = rig.clock.now();
    rig.take(news("w.1", DeliveryStatus::Delivered, now)).await;
    let mut echo = news("w.1", DeliveryStatus::Sent, now);
    if let Some(inbound_event::Event::Status(InboundStatus { message_id, .. })) = &mut echo.event {
        *message_id = id;
    }
    assert_eq!(rig.take(echo).await.outcome(), IngestOutcome::Stored);
    let stored = rig.messages(&admin(), chat).await;
    let stored = stored.last().unwrap();
    assert_eq!(
        (&*stored.provider_id, stored.status()),
        ("w.1", DeliveryStatus::Delivered)
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn an_echo_from_another_channel_or_company_is_not_believed(pool: PgPool) {
    let (rig, chat, id) = queued(pool).await;
    for (company, channel) in [(4, 12), (3, 13)] {
        let mut echo = news("w.1", DeliveryStatus::Read, rig.clock.now());
        echo.company_id = company;
        echo.channel_id = channel;
        if let Some(inbound_event::Event::Status(status)) = &mut echo.event {
            status.message_id = id;
        }
        assert_eq!(rig.take(echo).await.outcome(), IngestOutcome::Parked);
    }
    assert_eq!(status(&rig, chat).await, DeliveryStatus::Queued);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn news_and_report_at_the_same_moment_do_not_miss_each_other(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    let chat = rig.chat_of("50688888888").await;
    for n in 0..20 {
        let id = rig
            .send(&admin(), chat, "Buenas", "")
            .await
            .unwrap()
            .message_id;
        let wamid = format!("w.{n}");
        let event = news(&wamid, DeliveryStatus::Delivered, rig.clock.now());
        let other = std::sync::Arc::clone(&rig);
        let reporting = tokio::spawn(async move {
            other.report(id, DeliveryStatus::Sent, &wamid).await;
        });
        rig.take(event).await;
        reporting.await.unwrap();
    }
    let messages = rig.messages(&admin(), chat).await;
    let ours = messages.iter().filter(|message| message.sender_id == 2);
    assert!(
        ours.clone()
            .all(|message| message.status() == DeliveryStatus::Delivered)
    );
    assert_eq!(ours.count(), 20);
}

/// News is kept for three months, and the message keeps its status.
#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn news_is_not_kept_for_ever(pool: PgPool) {
    let (rig, _, id) = queued(pool.clone()).await;
    rig.report(id, DeliveryStatus::Sent, "wamid.out").await;
    let now = rig.clock.now();
    rig.take(news(
        "wamid.out",
        DeliveryStatus::Delivered,
        now - Duration::days(91),
    ))
    .await;
    assert_eq!(rig.count("message_status_event").await, 2);
    let lifecycle = Lifecycle::new(std::time::Duration::from_secs(5));
    let upstreams = Upstreams::remote(&UpstreamUris::default()).unwrap();
    let service = build(pool, rig.clock.clone(), keys(), upstreams, lifecycle.stop()).await;
    for task in service.tasks {
        lifecycle.spawn(task);
    }
    let cleaned = async {
        while rig.count("message_status_event").await > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), cleaned)
        .await
        .unwrap();
    lifecycle.stop().request();
    let again = news(
        "wamid.out",
        DeliveryStatus::Delivered,
        now - Duration::days(91),
    );
    assert_eq!(rig.take(again).await.message_id, id);
    assert_eq!(
        rig.report(id, DeliveryStatus::Sent, "wamid.out").await,
        DeliveryStatus::Delivered
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn reports_about_nothing_are_refused(pool: PgPool) {
    let (rig, _, id) = queued(pool).await;
    let inbound = rig
        .take(message("m:9", "50688888888", "?", rig.clock.now()))
        .await
        .message_id;
    for (caller, message, status, code) in [
        (connector(), 999, DeliveryStatus::Sent, ErrorCode::NotFound),
        (
            connector(),
            inbound,
            DeliveryStatus::Sent,
            ErrorCode::NotFound,
        ),
        (
            connector(),
            id,
            DeliveryStatus::Received,
            ErrorCode::InvalidInput,
        ),
        (
            connector(),
            id,
            DeliveryStatus::Read,
            ErrorCode::InvalidInput,
        ),
        (
            admin(),
            id,
            DeliveryStatus::Sent,
            ErrorCode::PermissionDenied,
        ),
        (
            user(auth::Role::Super, 1, 1, None),
            id,
            DeliveryStatus::Sent,
            ErrorCode::PermissionDenied,
        ),
    ] {
        let request = ReportDeliveryRequest {
            message_id: message,
            status: status.into(),
            ..Default::default()
        };
        let call = rig.call(&caller);
        let refused = rig
            .ingest_service()
            .report_delivery(call.request(request))
            .await;
        assert_eq!(answer(refused).unwrap_err().code, code);
    }
}
