//! Webhooks of accounts that nobody has connected: kept for a while, within
//! bounds, without crowding each other out.

use channel_connector::MIGRATOR;
use chassis::{ErrorCode, config::Secret};
use proto::channel::v1::AcceptDisposition;
use sqlx::PgPool;
use testing::graph::{sign, text_webhook};

use crate::rig::{APP_SECRET, COMPANY, GUEST, PHONE, Rig, refusal, update};

const OTHER_PHONE: &str = "222222222222222";

/// Addresses that no bot has.
const NO_BOT: &str = "00000000-0000-4000-8000-000000000000";

fn text(phone: &str, wamid: &str, text: &str) -> Vec<u8> {
    text_webhook(phone, GUEST, wamid, text, 1_750_000_000)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_unknown_account_is_an_orphan_until_it_is_connected(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let body = text(PHONE, "wamid.1", "Hola");
    let signature = sign(APP_SECRET, &body);
    let (id, disposition) = rig.post_meta(body, &signature).await.unwrap();
    assert_eq!(disposition, AcceptDisposition::Orphan);
    assert_eq!(rig.raw(id).await.0, "orphan");
    // Without a signature not even that.
    refusal(rig.post_meta(text(PHONE, "wamid.2", "Hola"), "").await);
    // Something large from a stranger is answered and not kept.
    let large = text(PHONE, "wamid.3", &"a".repeat(70_000));
    let signature = sign(APP_SECRET, &large);
    let (none, disposition) = rig.post_meta(large, &signature).await.unwrap();
    assert_eq!((none, disposition), (0, AcceptDisposition::Orphan));
    assert_eq!(rig.stored().await, 1);
    let forged = text(PHONE, "wamid.forged", "Hola");
    let signature = sign("guess", &forged);
    let (forged, _) = rig.post_meta(forged, &signature).await.unwrap();
    // The account is connected; what it missed is not lost, unless somebody else had signed it.
    rig.whatsapp().await;
    rig.until_raw(id, "done").await;
    rig.until_raw(forged, "dead").await;
    let (stored, disposition) = rig.post_signed(text(PHONE, "wamid.4", "Hola")).await;
    assert_eq!(disposition, AcceptDisposition::Stored);
    rig.until_raw(stored, "done").await;
    let keys: Vec<String> = rig
        .ingested()
        .into_iter()
        .map(|event| event.external_key)
        .collect();
    assert_eq!(keys, ["m:wamid.1", "m:wamid.4"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn with_an_app_secret_of_the_deployment_orphans_are_checked(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| {
        config.meta_app_secret = Secret::new("secret-of-the-deployment");
    })
    .await;
    let body = text(PHONE, "wamid.1", "Hola");
    let refused = rig.post_meta(body.clone(), &sign("guess", &body)).await;
    assert_eq!(refusal(refused).code, ErrorCode::Unauthenticated);
    let signature = sign("secret-of-the-deployment", &body);
    let (_, disposition) = rig.post_meta(body, &signature).await.unwrap();
    assert_eq!(disposition, AcceptDisposition::Orphan);
    // A channel without a secret of its own is checked with it too.
    rig.whatsapp_of(COMPANY, OTHER_PHONE, "").await;
    let body = text(OTHER_PHONE, "wamid.2", "Hola");
    let signature = sign("secret-of-the-deployment", &body);
    let (id, disposition) = rig.post_meta(body, &signature).await.unwrap();
    assert_eq!(disposition, AcceptDisposition::Stored);
    rig.until_raw(id, "done").await;
}

/// How many orphans of a source there are.
async fn orphans(rig: &Rig, source: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM channel.inbound_raw WHERE state = 'orphan' AND source = $1",
    )
    .bind(source)
    .fetch_one(&rig.pool)
    .await
    .unwrap()
}

/// Has the housekeeping run, which also happens when a channel is connected.
async fn tidy(rig: &Rig, phone: &str) {
    rig.whatsapp_of(COMPANY, phone, APP_SECRET).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn strangers_who_pose_as_telegram_fill_nothing(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let small = update(1, 987_654_321, "Hola");
    let large = update(2, 987_654_321, &"a".repeat(20_000));
    let (none, disposition) = rig.post_telegram(NO_BOT, large, "x").await.unwrap();
    assert_eq!((none, disposition), (0, AcceptDisposition::Orphan));
    for _ in 0..1200 {
        let (_, disposition) = rig.post_telegram(NO_BOT, small.clone(), "x").await.unwrap();
        assert_eq!(disposition, AcceptDisposition::Orphan);
    }
    let kept = orphans(&rig, "telegram").await;
    assert!((50..200).contains(&kept), "{kept}");
    // The flood has taken nothing from those who may still find their channel.
    let body = text(PHONE, "wamid.1", "Hola");
    let signature = sign(APP_SECRET, &body);
    let (id, _) = rig.post_meta(body, &signature).await.unwrap();
    assert!(id > 0);
    rig.whatsapp().await;
    rig.until_raw(id, "done").await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn orphans_nobody_vouches_for_are_gone_after_a_day(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    // Signed by a business we know, for a number that nobody has connected.
    let both = serde_json::json!({"object": "whatsapp_business_account", "entry": [{
        "id": PHONE,
        "changes": [{"field": "messages", "value": {"metadata": {"phone_number_id": OTHER_PHONE}}}],
    }]});
    let (vouched, disposition) = rig.post_signed(both.to_string()).await;
    assert_eq!(disposition, AcceptDisposition::Orphan);
    let small = update(1, 987_654_321, "Hola");
    rig.post_telegram(NO_BOT, small, "x").await.unwrap();
    let body = text("333333333333333", "wamid.1", "Hola");
    let signature = sign("guess", &body);
    rig.post_meta(body, &signature).await.unwrap();
    assert_eq!(
        (orphans(&rig, "meta").await, orphans(&rig, "telegram").await),
        (2, 1)
    );
    rig.clock.advance(time::Duration::hours(25));
    tidy(&rig, "444444444444444").await;
    rig.until("the strangers are gone", async || {
        let left = orphans(&rig, "meta").await + orphans(&rig, "telegram").await;
        (left == 1).then_some(())
    })
    .await;
    assert_eq!(rig.raw(vouched).await.0, "orphan");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_crowd_of_strangers_removes_only_its_own(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let first = text(PHONE, "wamid.1", "Hola");
    let signature = sign(APP_SECRET, &first);
    let (first, _) = rig.post_meta(first, &signature).await.unwrap();
    sqlx::query(
        "INSERT INTO channel.inbound_raw
             (source, route_key, body, body_sha256, signature, content_type, user_agent,
              received_at, state, next_at)
         SELECT 'telegram', 'x', '', '', '', '', '', $1, 'orphan', $1
         FROM generate_series(1, 3000)",
    )
    .bind(rig.clock.now())
    .execute(&rig.pool)
    .await
    .unwrap();
    tidy(&rig, "444444444444444").await;
    rig.until("the crowd is thinned out", async || {
        (orphans(&rig, "telegram").await <= 1000).then_some(())
    })
    .await;
    assert_eq!(rig.raw(first).await.0, "orphan");
}
