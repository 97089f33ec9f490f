//! Little room: few connections, a conversation that hangs, one that refuses,
//! secrets that do not open, and bodies as large as they get.

use std::time::Duration;

use channel_connector::MIGRATOR;
use proto::channel::v1::AcceptDisposition;
use serde_json::{Value, json};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use testing::graph::{change, envelope, message_status, text_message, text_webhook};
use tonic::Code;

use crate::rig::{APP_SECRET, COMPANY, GUEST, PHONE, Rig};

/// What hangs must not hold what others need: webhooks are taken while conversation does not
/// answer, however many guests have written.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_hanging_conversation_costs_no_connection(
    pool: PgPoolOptions,
    database: PgConnectOptions,
) {
    let pool = pool
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(2))
        .connect_with(database)
        .await
        .unwrap();
    let rig = Rig::start_with(pool, |config| config.lanes = 16).await;
    rig.whatsapp().await;
    let hanging = rig.conversation.hang();
    for number in 0..16 {
        let guest = format!("506888800{number:02}");
        let wamid = format!("wamid.{number}");
        let body = text_webhook(PHONE, &guest, &wamid, "Hola", 1_750_000_000);
        rig.post_signed(body).await;
    }
    rig.until("many calls hang", async || {
        (rig.conversation.with(|state| state.calls) >= 8).then_some(())
    })
    .await;
    for number in 16..24 {
        let wamid = format!("wamid.{number}");
        let body = text_webhook(PHONE, GUEST, &wamid, "Hola", 1_750_000_000);
        let (_, disposition) = rig.post_signed(body).await;
        assert_eq!(disposition, AcceptDisposition::Stored);
    }
    drop(hanging);
    rig.until_idle().await;
    assert_eq!(rig.messages().len(), 24);
}

/// One guest whose message conversation refuses holds up nobody, however much waits behind it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_long_lane_that_waits_holds_up_nobody(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    sqlx::query(
        "INSERT INTO channel.inbound_event
             (channel_id, ext_key, kind, lane, raw_id, event, attempts, next_at)
         SELECT $1, 'm:' || number, 'message', $1 || ':waits', 0, '',
                CASE WHEN number = 1 THEN 1 ELSE 0 END, $2 + interval '1 hour'
         FROM generate_series(1, 6000) AS number",
    )
    .bind(channel.channel_id)
    .bind(rig.clock.now())
    .execute(&rig.pool)
    .await
    .unwrap();
    let body = text_webhook(PHONE, GUEST, "wamid.1", "Hola", 1_750_000_000);
    let (id, _) = rig.post_signed(body).await;
    rig.until_raw(id, "done").await;
}

/// A slow call of one lane is waited for by that lane alone.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_slow_answer_for_one_guest_holds_up_nobody(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let hanging = rig.conversation.hang();
    let first = text_webhook(PHONE, "50688880000", "wamid.1", "Hola", 1_750_000_000);
    let (first, _) = rig.post_signed(first).await;
    rig.until("the first call hangs", async || {
        (rig.conversation.with(|state| state.calls) == 1).then_some(())
    })
    .await;
    hanging.only_those_that_wait();
    let second = text_webhook(PHONE, GUEST, "wamid.2", "Hola", 1_750_000_000);
    let (second, _) = rig.post_signed(second).await;
    rig.until_raw(second, "done").await;
    assert_eq!(rig.raw(first).await.0, "new");
    drop(hanging);
    rig.until_raw(first, "done").await;
}

/// A key of the configuration is gone: the channels it sealed are out of order, the others work.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_secret_that_does_not_open_stops_only_its_channel(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let broken = rig
        .whatsapp_of(COMPANY, "111111111111111", APP_SECRET)
        .await;
    rig.whatsapp().await;
    let spoil = "UPDATE channel.channel SET secret_sealed = '\\x00' WHERE id = $1";
    sqlx::query(spoil)
        .bind(broken.channel_id)
        .execute(&rig.pool)
        .await
        .unwrap();
    // Taken in before the key was lost.
    let stored: i64 = sqlx::query_scalar(
        "INSERT INTO channel.inbound_raw
             (source, route_key, verified_channels, body, body_sha256, signature, content_type,
              user_agent, received_at, state, next_at)
         VALUES ('meta', '', ARRAY[$1], $2, '', '', '', '', $3, 'new', $3) RETURNING id",
    )
    .bind(broken.channel_id)
    .bind(text_webhook(
        "111111111111111",
        GUEST,
        "wamid.0",
        "Hola",
        1_750_000_000,
    ))
    .bind(rig.clock.now())
    .fetch_one(&rig.pool)
    .await
    .unwrap();
    let body = text_webhook(PHONE, GUEST, "wamid.1", "Hola", 1_750_000_000);
    let (id, _) = rig.post_signed(body).await;
    rig.until_raw(id, "done").await;
    // A body that names no channel is tried with the secrets that open.
    let (nameless, _) = rig
        .post_signed(br#"{"object":"whatsapp_business_account"}"#.to_vec())
        .await;
    rig.until_raw(nameless, "done").await;
    assert_eq!(rig.raw(stored).await.0, "new");
}

/// PostgreSQL stores no NUL, and nothing a provider says may stop a lane.
#[sqlx::test(migrator = "MIGRATOR")]
async fn nul_and_impossible_times_poison_nothing(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let odd = |timestamp: Value, number: usize| {
        json!({
            "from": GUEST, "id": format!("wamid.\0{number}"), "timestamp": timestamp,
            "type": "text", "text": {"body": format!("a\0{number}")}, "context": {"id": "x\0"},
        })
    };
    let times = [
        json!("1750000000"),
        json!("99999999999999999999"),
        json!("9223372036854775807"),
        json!("-9223372036854775808"),
        json!("-1"),
        json!("253402300799"),
        json!("ayer\0"),
        json!(1e300),
        Value::Null,
    ];
    let messages = times
        .into_iter()
        .zip(0..)
        .map(|(time, n)| odd(time, n))
        .collect();
    let statuses = vec![message_status(
        "wamid.\0out",
        "delivered",
        Some("\0"),
        u64::MAX,
    )];
    let body = envelope(vec![vec![change(PHONE, messages, statuses)]]);
    let (id, _) = rig.post_signed(body).await;
    rig.until_raw(id, "done").await;
    let texts: Vec<String> = rig
        .messages()
        .into_iter()
        .map(|message| message.text)
        .collect();
    let expected: Vec<String> = (0..9).map(|number| format!("a{number}")).collect();
    assert_eq!(texts, expected);
    assert_eq!(rig.statuses()[0].provider_id, "wamid.out");

    let bot = rig.connect_bot().await;
    let secret = rig
        .telegram
        .webhook(crate::rig::BOT)
        .unwrap()
        .secret_token
        .unwrap();
    for (number, date) in [i64::MAX, i64::MIN, -1, 0].into_iter().enumerate() {
        let update = json!({
            "update_id": number + 1,
            "message": {
                "message_id": 1, "date": date, "text": "b\0",
                "from": {"first_name": "\0"}, "chat": {"id": i64::MIN, "type": "private"},
            },
        });
        let posted = rig
            .post_telegram(&bot.uuid, update.to_string(), &secret)
            .await;
        rig.until_raw(posted.unwrap().0, "done").await;
    }
    assert_eq!(rig.messages().len(), 13);
}

/// What is too long is cut where it comes in, so that no event is larger than a call takes.
#[sqlx::test(migrator = "MIGRATOR")]
async fn large_bodies_are_taken_in_pieces(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let huge = "\u{1F600}".repeat(300_000);
    let messages = (0..3)
        .map(|number| text_message(GUEST, &format!("wamid.huge.{number}"), &huge, 1_750_000_000))
        .collect();
    let body = envelope(vec![vec![change(PHONE, messages, vec![])]]);
    assert!(body.len() > 3_000_000, "{}", body.len());
    let (id, _) = rig.post_signed(body).await;
    rig.until_raw(id, "done").await;
    let lengths: Vec<usize> = rig
        .messages()
        .iter()
        .map(|m| m.text.chars().count())
        .collect();
    assert_eq!(lengths, [65_536; 3]);

    let messages = (0..500)
        .map(|number| {
            let guest = format!("5068{:07}", number % 20);
            text_message(
                &guest,
                &format!("wamid.{number}"),
                &number.to_string(),
                1_750_000_000,
            )
        })
        .collect();
    let statuses = (0..500)
        .map(|number| message_status(&format!("wamid.out.{number}"), "sent", None, 1_750_000_000))
        .collect();
    let body = envelope(vec![vec![change(PHONE, messages, statuses)]]);
    let (id, _) = rig.post_signed(body).await;
    rig.until_raw(id, "done").await;
    assert_eq!(rig.ingested().len(), 1003);
    let of_one: Vec<String> = rig
        .messages()
        .into_iter()
        .map(|message| message.text)
        .filter(|text| text.parse().is_ok_and(|number: usize| number % 20 == 7))
        .collect();
    let expected: Vec<String> = (0..25).map(|turn| (turn * 20 + 7).to_string()).collect();
    assert_eq!(of_one, expected);
}

/// Nothing grows for ever: what is settled is forgotten in time, what is not stays.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_settled_is_forgotten_in_time(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let (id, _) = rig
        .post_signed(text_webhook(PHONE, GUEST, "wamid.1", "Hola", 1_750_000_000))
        .await;
    rig.until_raw(id, "done").await;
    rig.request(1, &channel, GUEST, "Hola").await;
    rig.until_outbound(1, "sent").await;
    rig.until_reported(1, proto::conversation::v1::DeliveryStatus::Sent)
        .await;
    rig.clock.advance(time::Duration::days(100));
    rig.conversation
        .with(|state| state.refusals = vec![Code::Unavailable; 1000].into());
    let (young, _) = rig
        .post_signed(text_webhook(PHONE, GUEST, "wamid.2", "Hola", 1_750_000_000))
        .await;
    rig.whatsapp_of(COMPANY, "444444444444444", APP_SECRET)
        .await;
    rig.until("the old is gone", async || {
        let left: Vec<i64> = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM channel.outbound)
                  + (SELECT count(*) FROM channel.inbound_event WHERE ext_key = 'm:wamid.1')
                  + (SELECT count(*) FROM channel.inbound_raw WHERE id = $1)",
        )
        .bind(id)
        .fetch_all(&rig.pool)
        .await
        .unwrap();
        (left == [0]).then_some(())
    })
    .await;
    assert_eq!(rig.raw(young).await.0, "new");
}
