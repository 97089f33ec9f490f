//! Who is believed, and what is left behind of whom.

use auth::Caller;
use bytes::Bytes;
use channel_connector::MIGRATOR;
use chassis::{ErrorCode, config::Secret};
use proto::channel::v1::{
    AcceptDisposition, AcceptRequest, UpdateChannelRequest, UpdateChannelStatusRequest,
    VerifySubscriptionRequest, WebhookSource,
};
use sqlx::PgPool;
use testing::graph::{change, envelope, sign, text_message, text_webhook};

use crate::rig::{APP_SECRET, COMPANY, GUEST, OTHER, PHONE, Rig, platform, refusal, update};

const OTHER_PHONE: &str = "222222222222222";
const OTHER_SECRET: &str = "app-secret-of-another-company";

fn text(phone: &str, wamid: &str, text: &str) -> Vec<u8> {
    text_webhook(phone, GUEST, wamid, text, 1_750_000_000)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_signed_message_is_stored_and_reaches_conversation(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let (id, disposition) = rig.post_signed(text(PHONE, "wamid.1", "Hola")).await;
    assert_eq!(disposition, AcceptDisposition::Stored);
    rig.until_raw(id, "done").await;
    let events = rig.ingested();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].company_id, COMPANY);
    assert_eq!(events[0].channel_id, channel.channel_id);
    assert_eq!(events[0].channel_type, "whatsappfb");
    assert_eq!(events[0].external_key, "m:wamid.1");
    assert_eq!(events[0].provider_time.unwrap().seconds, 1_750_000_000);
    let message = &rig.messages()[0];
    assert_eq!(message.text, "Hola");
    assert_eq!(message.profile_name, "Cliente de prueba");
    let values: Vec<&str> = message
        .identities
        .iter()
        .map(|i| i.value.as_str())
        .collect();
    assert_eq!(values, [testing::graph::user_id_of(GUEST).as_str(), GUEST]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_not_signed_by_the_channel_leaves_no_trace(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    rig.whatsapp_of(OTHER, OTHER_PHONE, OTHER_SECRET).await;
    let body = text(PHONE, "wamid.1", "Hola");
    let good = sign(APP_SECRET, &body);
    let forged = [
        String::new(),
        "sha256=".into(),
        good.replace("sha256=", "sha1="),
        good.to_uppercase(),
        good[..good.len() - 1].to_owned(),
        format!("{good}0"),
        sign("guess", &body),
        sign(OTHER_SECRET, &body),
        sign(APP_SECRET, &text(PHONE, "wamid.1", "Hola!")),
    ];
    for signature in forged {
        let refused = refusal(rig.post_meta(body.clone(), &signature).await);
        assert_eq!(refused.code, ErrorCode::Unauthenticated, "{signature}");
        assert_eq!(refused.reason, "SIGNATURE_INVALID");
    }
    let mut tampered = body.clone();
    tampered.push(b' ');
    refusal(rig.post_meta(tampered, &good).await);
    assert_eq!(rig.stored().await, 0);
    assert_eq!(rig.ingested().len(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_speaks_for_a_channel_of_another_company(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let other = rig.whatsapp_of(OTHER, OTHER_PHONE, OTHER_SECRET).await;
    let messages = |wamid: &str| vec![text_message(GUEST, wamid, "Hola", 1_750_000_000)];
    let both = envelope(vec![
        vec![change(PHONE, messages("wamid.victim"), vec![])],
        vec![change(OTHER_PHONE, messages("wamid.own"), vec![])],
    ]);
    let signature = sign(OTHER_SECRET, &both);
    let (id, _) = rig.post_meta(both, &signature).await.unwrap();
    rig.until_raw(id, "done").await;
    let events = rig.ingested();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].channel_id, other.channel_id);
    assert_eq!(events[0].external_key, "m:wamid.own");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn signed_garbage_is_kept_for_people_to_look_at(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let cut = &text(PHONE, "wamid.1", "Hola")[..200];
    for garbage in [&b"\xff\x00 no JSON at all"[..], b"", b"{", cut] {
        let (id, disposition) = rig.post_signed(garbage.to_vec()).await;
        assert_eq!(disposition, AcceptDisposition::Dead);
        assert_eq!(rig.raw(id).await.0, "dead");
    }
    let named = AcceptRequest {
        source: WebhookSource::Meta.into(),
        route_key: channel.uuid.clone(),
        body: Bytes::from_static(b"garbage"),
        signature: sign(APP_SECRET, b"garbage").into(),
        ..AcceptRequest::default()
    };
    let (_, disposition) = rig.accept(named).await.unwrap();
    assert_eq!(disposition, AcceptDisposition::Dead);
    refusal(
        rig.post_meta(&b"garbage"[..], &sign("guess", b"garbage"))
            .await,
    );
    assert_eq!(rig.stored().await, 5);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn json_of_any_other_shape_is_done_without_an_event(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    for body in [
        "{}",
        "[]",
        "null",
        "17",
        r#"{"entry":{"id":3}}"#,
        r#"{"entry":[null,3,{"changes":[{"field":7,"value":"x"},{"value":{"messages":{}}}]}]}"#,
    ] {
        let (id, disposition) = rig.post_signed(body).await;
        assert_eq!(disposition, AcceptDisposition::Stored, "{body}");
        rig.until(body, async || {
            let (state, _) = rig.raw(id).await;
            (state != "new").then_some(())
        })
        .await;
    }
    assert_eq!(rig.ingested().len(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_channel_that_is_off_is_answered_and_drops_what_comes(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let switch = async |active: bool| {
        let request = UpdateChannelStatusRequest {
            channel_id: channel.channel_id,
            active,
        };
        let call = rig.call(&platform());
        rig.channels()
            .update_channel_status(call.request(request))
            .await
            .unwrap();
    };
    switch(false).await;
    let (id, disposition) = rig.post_signed(text(PHONE, "wamid.1", "Hola")).await;
    assert_eq!(disposition, AcceptDisposition::Stored);
    assert_eq!(rig.raw(id).await.0, "done");
    switch(true).await;
    let (id, _) = rig.post_signed(text(PHONE, "wamid.2", "Hola")).await;
    rig.until_raw(id, "done").await;
    let keys: Vec<String> = rig.ingested().into_iter().map(|e| e.external_key).collect();
    assert_eq!(keys, ["m:wamid.2"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_new_secret_is_good_at_once_and_the_old_one_is_not(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.post_signed(text(PHONE, "wamid.1", "Hola")).await;
    let change = UpdateChannelRequest {
        channel_id: channel.channel_id,
        company_id: COMPANY,
        secret_key: Some("rotated".into()),
        ..UpdateChannelRequest::default()
    };
    let call = rig.call(&platform());
    rig.channels()
        .update_channel(call.request(change))
        .await
        .unwrap();
    let body = text(PHONE, "wamid.2", "Hola");
    refusal(rig.post_meta(body.clone(), &sign(APP_SECRET, &body)).await);
    rig.post_meta(body.clone(), &sign("rotated", &body))
        .await
        .unwrap();
    rig.until_idle().await;
    assert_eq!(rig.ingested().len(), 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn telegram_proves_itself_with_the_secret_of_the_webhook(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.connect_bot().await;
    let secret = rig
        .telegram
        .webhook(crate::rig::BOT)
        .unwrap()
        .secret_token
        .unwrap();
    let body = update(50, 123_456_789, "Hola");
    for wrong in ["", "guess", &secret[1..]] {
        let refused = refusal(rig.post_telegram(&bot.uuid, body.clone(), wrong).await);
        assert_eq!(refused.code, ErrorCode::Unauthenticated);
    }
    assert_eq!(rig.stored().await, 0);
    // By uuid, which is what we register, and by id.
    let id = bot.channel_id.to_string();
    for route_key in [&bot.uuid, &id] {
        let (raw, disposition) = rig
            .post_telegram(route_key, body.clone(), &secret)
            .await
            .unwrap();
        assert_eq!(disposition, AcceptDisposition::Stored);
        rig.until_raw(raw, "done").await;
    }
    assert_eq!(rig.messages().len(), 1);
    let (_, dead) = rig.post_telegram(&id, "no JSON", &secret).await.unwrap();
    assert_eq!(dead, AcceptDisposition::Dead);
    // Telegram must not try again for a bot that nobody has connected.
    for unknown in ["bot-123", "999", "", "00000000-0000-4000-8000-000000000000"] {
        let (_, disposition) = rig.post_telegram(unknown, body.clone(), "x").await.unwrap();
        assert_eq!(disposition, AcceptDisposition::Orphan, "{unknown}");
    }
    let clear: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM channel.inbound_raw WHERE position($1::bytea IN signature) > 0",
    )
    .bind(secret.as_bytes())
    .fetch_one(&rig.pool)
    .await
    .unwrap();
    assert_eq!(clear, 0, "the secret is stored in clear");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_body_larger_than_any_is_refused(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let body = vec![b' '; 4 * 1024 * 1024 + 1];
    let signature = sign(APP_SECRET, &body);
    let refused = refusal(rig.post_meta(body, &signature).await);
    assert_eq!(refused.code, ErrorCode::TooLarge);
    assert_eq!(rig.stored().await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_the_edge_hands_over_webhooks(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let call = rig.call(&Caller::service("conversation"));
    let request = AcceptRequest {
        source: WebhookSource::Meta.into(),
        ..AcceptRequest::default()
    };
    let refused = refusal(rig.webhooks().accept(call.request(request)).await);
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn meta_may_use_an_address_when_it_says_our_word(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| {
        config.meta_verify_token = Secret::new("our word");
    })
    .await;
    let channel = rig.whatsapp().await;
    let bot = rig.bot().await;
    let ask = async |route_key: &str, mode: &str, verify_token: &str| {
        let call = rig.call(&Caller::service("edge"));
        let request = VerifySubscriptionRequest {
            route_key: route_key.into(),
            mode: mode.into(),
            verify_token: verify_token.into(),
        };
        rig.webhooks()
            .verify_subscription(call.request(request))
            .await
            .is_ok()
    };
    assert!(ask("", "subscribe", "our word").await);
    assert!(ask(&channel.uuid, "subscribe", "our word").await);
    assert!(ask(&channel.uuid, "subscribe", &channel.uuid).await);
    for (route_key, mode, token) in [
        ("", "subscribe", ""),
        ("", "subscribe", "another word"),
        ("", "unsubscribe", "our word"),
        (
            "00000000-0000-4000-8000-000000000000",
            "subscribe",
            "our word",
        ),
        (bot.uuid.as_str(), "subscribe", bot.uuid.as_str()),
        ("", "subscribe", channel.uuid.as_str()),
    ] {
        assert!(
            !ask(route_key, mode, token).await,
            "{route_key} {mode} {token}"
        );
    }
}
