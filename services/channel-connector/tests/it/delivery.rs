//! Sending: what goes out, in which order, and what is made of the answers.

use channel_connector::MIGRATOR;
use proto::{
    channel::v1::{Channel, UpdateChannelRequest},
    conversation::v1::DeliveryStatus,
    events::v1::OutboundRequested,
};
use sqlx::PgPool;
use std::time::Duration;
use testing::{graph::GraphFailure, telegram::TelegramFailure};
use tonic::Code;

use crate::rig::{BOT, COMPANY, GUEST, OTHER, PHONE, Rig, TOKEN, platform};

const SOON: Duration = Duration::from_secs(20);

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_requested_text_goes_out_once_and_conversation_hears_of_it(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.request(1, &channel, GUEST, "Hola").await;
    let sent = rig.graph.wait_for_sent(1, SOON).await.unwrap();
    assert_eq!(sent[0].phone_number_id, PHONE);
    assert_eq!(sent[0].to, GUEST);
    assert_eq!(sent[0].body["text"]["body"], "Hola");
    assert_eq!(
        sent[0].opaque.as_deref(),
        Some(rig.opaque(1).await.as_str())
    );
    let report = rig.until_reported(1, DeliveryStatus::Sent).await;
    assert_eq!(report.provider_id, sent[0].wamid);
    rig.request(2, &channel, GUEST, "Adiós").await;
    rig.until_reported(2, DeliveryStatus::Sent).await;
    assert_eq!(rig.graph.sent().len(), 2);
    assert_eq!(rig.graph.refused(), []);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_text_for_telegram_goes_to_its_chat(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.bot().await;
    let mut requested = OutboundRequested {
        message_id: 1,
        channel_id: bot.channel_id,
        text: "Hola".into(),
        ..OutboundRequested::default()
    };
    requested.recipient = Some(proto::conversation::v1::GuestIdentity {
        kind: proto::conversation::v1::IdentityKind::Telegram.into(),
        value: "987654321".into(),
    });
    requested.reply_to_provider_id = "987654321:55".into();
    rig.announce(COMPANY, &requested).await;
    let sent = rig.telegram.wait_for_sent(1, SOON).await.unwrap();
    assert_eq!(sent[0].chat_id, 987_654_321);
    assert_eq!(sent[0].body["text"], "Hola");
    assert_eq!(sent[0].body["reply_parameters"]["message_id"], 55);
    let report = rig.until_reported(1, DeliveryStatus::Sent).await;
    assert_eq!(
        report.provider_id,
        format!("987654321:{}", sent[0].message_id)
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn messages_to_one_recipient_keep_their_order(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.graph.fail_next(GraphFailure::Transient);
    let guests: Vec<String> = (0..4).map(|n| format!("5067777000{n}")).collect();
    let mut message_id = 0;
    for number in 0..10 {
        for guest in &guests {
            message_id += 1;
            rig.request(message_id, &channel, guest, &format!("{number}"))
                .await;
        }
    }
    // One of them has to wait for its second attempt, and so have those behind it.
    rig.until("all are sent", async || {
        rig.clock.advance(time::Duration::seconds(1));
        (rig.graph.sent().len() == 40).then_some(())
    })
    .await;
    for guest in &guests {
        let texts: Vec<String> = rig
            .graph
            .sent()
            .into_iter()
            .filter(|sent| &sent.to == guest)
            .map(|sent| sent.body["text"]["body"].as_str().unwrap().to_owned())
            .collect();
        let expected: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        assert_eq!(texts, expected);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_throttled_number_pauses_and_burns_no_attempt(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.graph.fail_next(GraphFailure::Throttled);
    rig.graph.fail_next(GraphFailure::Throttled);
    rig.request(1, &channel, GUEST, "Hola").await;
    let throttled = async |times: i32| {
        rig.until("throttled", async || {
            let (_, attempts, throttles) = rig.outbound(1).await?;
            assert_eq!(attempts, 0);
            (throttles == times).then_some(())
        })
        .await;
    };
    throttled(1).await;
    rig.clock.advance(time::Duration::minutes(2));
    throttled(2).await;
    // The pause is the number's, so the next one waits too.
    rig.request(2, &channel, "50677777777", "Hola").await;
    rig.until_outbound(2, "queued").await;
    assert_eq!(health(&rig, &channel).await, "paused");
    assert_eq!(rig.graph.sent().len(), 0);
    rig.clock.advance(time::Duration::minutes(2));
    rig.graph.wait_for_sent(2, SOON).await.unwrap();
    rig.until_reported(1, DeliveryStatus::Sent).await;
    assert_eq!(health(&rig, &channel).await, "ok");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_throttled_pair_holds_up_nobody_else(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.graph.fail_next(GraphFailure::PairThrottled);
    rig.request(1, &channel, GUEST, "primero").await;
    rig.until("throttled", async || {
        let (_, _, throttles) = rig.outbound(1).await?;
        (throttles == 1).then_some(())
    })
    .await;
    rig.request(2, &channel, GUEST, "segundo").await;
    rig.request(3, &channel, "50677777777", "otro").await;
    rig.until_outbound(3, "sent").await;
    assert_eq!(rig.outbound(2).await.unwrap().0, "queued");
    rig.clock.advance(time::Duration::minutes(1));
    rig.until_outbound(2, "sent").await;
    let texts: Vec<String> = rig
        .graph
        .sent()
        .iter()
        .map(|sent| sent.body["text"]["body"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(texts, ["otro", "primero", "segundo"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn telegram_says_how_long_to_wait(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.bot().await;
    rig.telegram.fail_next(TelegramFailure::RetryAfter(600));
    rig.request(1, &bot, "987654321", "Hola").await;
    rig.until("throttled", async || {
        (rig.outbound(1).await?.2 == 1).then_some(())
    })
    .await;
    rig.clock.advance(time::Duration::seconds(590));
    assert_eq!(health(&rig, &bot).await, "paused");
    rig.clock.advance(time::Duration::seconds(11));
    rig.telegram.wait_for_sent(1, SOON).await.unwrap();
    assert_eq!(rig.until_outbound(1, "sent").await.0, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_revoked_token_holds_the_queue_until_there_is_a_new_one(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.graph.register_number(PHONE, "another token");
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.until_outbound(1, "held").await;
    rig.request(2, &channel, "50677777777", "Hola").await;
    rig.until_outbound(2, "queued").await;
    assert_eq!(health(&rig, &channel).await, "needs_reauth");
    assert_eq!(rig.graph.sent().len(), 0);
    rig.conversation.with(|state| assert_eq!(state.reports, []));
    let change = UpdateChannelRequest {
        channel_id: channel.channel_id,
        company_id: COMPANY,
        token: Some("another token".into()),
        ..UpdateChannelRequest::default()
    };
    let call = rig.call(&platform());
    rig.channels()
        .update_channel(call.request(change))
        .await
        .unwrap();
    rig.graph.wait_for_sent(2, SOON).await.unwrap();
    assert_eq!(health(&rig, &channel).await, "ok");
    assert_ne!(TOKEN, "another token");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_message_refused_for_good_has_failed_and_those_behind_it_go(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.graph.fail_next(GraphFailure::Permanent(131_047));
    rig.request(1, &channel, GUEST, "tarde").await;
    rig.request(2, &channel, GUEST, "después").await;
    let report = rig.until_reported(1, DeliveryStatus::Failed).await;
    assert!(report.error.contains("24 horas"), "{}", report.error);
    rig.until_reported(2, DeliveryStatus::Sent).await;
    let bot = rig.bot().await;
    rig.telegram.fail_next(TelegramFailure::BotBlocked);
    rig.request(3, &bot, "987654321", "Hola").await;
    let report = rig.until_reported(3, DeliveryStatus::Failed).await;
    assert_eq!(report.error, "El cliente bloqueó el bot de Telegram.");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn trouble_of_the_provider_is_waited_out_and_not_for_ever(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| config.send_attempts = 3).await;
    let channel = rig.whatsapp().await;
    rig.graph.fail_next(GraphFailure::Transient);
    rig.graph.fail_next(GraphFailure::NotJson);
    rig.request(1, &channel, GUEST, "Hola").await;
    let patient = async |message_id: i64, state: &str| {
        rig.until(state, async || {
            rig.clock.advance(time::Duration::seconds(1));
            let (now, attempts, _) = rig.outbound(message_id).await?;
            (now == state).then_some(attempts)
        })
        .await
    };
    assert_eq!(patient(1, "sent").await, 3);
    for _ in 0..3 {
        rig.graph.fail_next(GraphFailure::Transient);
    }
    rig.request(2, &channel, GUEST, "Hola").await;
    assert_eq!(patient(2, "failed").await, 3);
    let report = rig.until_reported(2, DeliveryStatus::Failed).await;
    assert!(report.error.contains("WhatsApp"), "{}", report.error);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_provider_that_cannot_be_reached_is_no_doubt(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| {
        // Nothing listens on the discard port.
        config.graph_base_url = "http://127.0.0.1:9".into();
    })
    .await;
    let channel = rig.whatsapp().await;
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.until("tried", async || {
        let (state, attempts, _) = rig.outbound(1).await?;
        (attempts == 1).then(|| assert_eq!(state, "queued"))
    })
    .await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_day_old_message_is_too_late(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.graph.register_number(PHONE, "another token");
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.until_outbound(1, "held").await;
    rig.clock.advance(time::Duration::hours(25));
    let report = rig.until_reported(1, DeliveryStatus::Failed).await;
    assert!(report.error.contains("24 horas"), "{}", report.error);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_channel_of_another_company_sends_nothing(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let stolen = Channel {
        company_id: OTHER,
        ..channel.clone()
    };
    rig.request(1, &stolen, GUEST, "Hola").await;
    rig.until_reported(1, DeliveryStatus::Failed).await;
    let gone = Channel {
        channel_id: 4711,
        ..channel
    };
    rig.request(2, &gone, GUEST, "Hola").await;
    rig.until_reported(2, DeliveryStatus::Failed).await;
    assert_eq!(rig.graph.sent().len(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn conversation_is_told_until_it_has_heard(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.conversation.with(|state| {
        state.report_refusals = [Code::Unavailable, Code::Internal].into();
    });
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.until("reported", async || {
        rig.clock.advance(time::Duration::seconds(1));
        rig.conversation
            .with(|state| (!state.reports.is_empty()).then_some(()))
    })
    .await;
    rig.until_reported(1, DeliveryStatus::Sent).await;
    assert_eq!(rig.graph.sent().len(), 1);
    assert_eq!(rig.telegram.webhook(BOT), None);
}

async fn health(rig: &Rig, channel: &Channel) -> String {
    let call = rig.call(&platform());
    let request = proto::channel::v1::GetChannelRequest {
        channel_id: channel.channel_id,
        ..Default::default()
    };
    let answer = rig.channels().get_channel(call.request(request)).await;
    answer.unwrap().into_inner().channel.unwrap().health
}
