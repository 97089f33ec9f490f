//! Providers that fail, for a while or for good.

use channel_connector::MIGRATOR;
use serde_json::json;
use sqlx::PgPool;
use testing::graph::{GraphFailure, media_message, message};

use super::{JPEG, PDF, START};
use crate::rig::{BOT, GUEST, PHONE, Rig};

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_fails_for_a_while_comes_after_all(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let failures = [
        GraphFailure::Transient,
        GraphFailure::NotJson,
        GraphFailure::Throttled,
        GraphFailure::CloseWithoutAnswer,
    ];
    let times = i32::try_from(failures.len()).unwrap();
    for failure in failures {
        rig.graph.fail_next_media(failure);
    }
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &media).await;
    for tried in 1..=times {
        rig.until_tried(tried).await;
        assert_eq!(rig.conversation.with(|state| state.attached.len()), 0);
        // Each wait is longer than the one before.
        let wait: f64 = sqlx::query_scalar(
            "SELECT extract(epoch FROM next_at - $1)::float8 FROM channel.inbound_media",
        )
        .bind(rig.clock.now())
        .fetch_one(&rig.pool)
        .await
        .unwrap();
        let least = 5.0 * f64::from(1 << (tried - 1));
        assert!(
            (least - 0.1..least * 1.3).contains(&wait),
            "{tried}: {wait}"
        );
        rig.clock.advance(time::Duration::minutes(2));
    }
    rig.until_attached(1).await;
    rig.until_fetching("done").await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_keeps_failing_is_given_up_and_the_message_stays(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| config.media_attempts = 2).await;
    rig.whatsapp().await;
    for _ in 0..2 {
        rig.graph.fail_next_media(GraphFailure::Transient);
    }
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &media).await;
    rig.until_tried(1).await;
    rig.clock.advance(time::Duration::minutes(2));
    let (attempts, why) = rig.until_fetching("failed").await;
    assert_eq!(attempts, 2);
    assert!(why.contains("131000"), "{why}");
    assert_eq!(rig.messages().len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_the_provider_has_no_more_is_asked_for_once(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.graph.forget_media(&media.id);
    rig.sends("wamid.1", "image", &media).await;
    let (attempts, why) = rig.until_fetching("failed").await;
    assert_eq!(attempts, 1);
    assert!(why.contains("does not exist"), "{why}");
    assert_eq!(rig.graph.refused().len(), 1);
    assert_eq!(rig.messages().len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_announced_to_be_too_large_is_not_fetched(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| config.media_largest_bytes = 20).await;
    rig.whatsapp().await;
    let exact = rig.graph.store_media(PHONE, "image/jpeg", &JPEG[..20]);
    rig.sends("wamid.1", "image", &exact).await;
    rig.until_attached(1).await;
    let larger = rig.graph.store_media(PHONE, "image/jpeg", &JPEG[..21]);
    rig.sends("wamid.2", "image", &larger).await;
    rig.until("the larger one is given up", async || {
        let states: Vec<String> =
            sqlx::query_scalar("SELECT state FROM channel.inbound_media ORDER BY ext_key")
                .fetch_all(&rig.pool)
                .await
                .unwrap();
        (states == ["done", "failed"]).then_some(())
    })
    .await;
    assert_eq!(rig.count("content").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_refused_token_shows_on_the_channel_and_the_file_waits(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    rig.graph.register_number(PHONE, "another-token");
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &media).await;
    rig.until_tried(1).await;
    let health: String = sqlx::query_scalar("SELECT health FROM channel.channel")
        .fetch_one(&rig.pool)
        .await
        .unwrap();
    assert_eq!(health, "needs_reauth");
    rig.graph.register_number(PHONE, crate::rig::TOKEN);
    rig.clock.advance(time::Duration::minutes(1));
    rig.until_attached(1).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn telegram_is_asked_anew_for_each_attempt_and_gives_up_what_is_too_big(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.connect_bot().await;
    let secret = rig.telegram.webhook(BOT).unwrap().secret_token.unwrap();
    let route = rig.ingest_route().await;
    let send = async |update: i64, file: &str| {
        let update = json!({"update_id": update, "message": {
            "message_id": update, "date": START, "from": {"id": 7, "first_name": "Ana"},
            "chat": {"id": 7, "type": "private"}, "document": {"file_id": file},
        }});
        let body = update.to_string();
        rig.post_telegram(&route, body, &secret).await.unwrap();
    };
    let file = rig.telegram.add_file(BOT, "a.pdf", PDF).unwrap();
    rig.telegram.expire_file_paths(BOT).unwrap();
    send(1, &file).await;
    rig.until_attached(1).await;
    let huge = vec![b'a'; (20 << 20) + 1];
    let huge = rig.telegram.add_file(BOT, "b.pdf", huge).unwrap();
    send(2, &huge).await;
    send(3, "unknown").await;
    rig.until("both are given up", async || {
        let states: Vec<(String, i32)> =
            sqlx::query_as("SELECT state, attempts FROM channel.inbound_media ORDER BY ext_key")
                .fetch_all(&rig.pool)
                .await
                .unwrap();
        let wanted = [("done", 0), ("failed", 1), ("failed", 1)];
        let wanted = wanted.map(|(state, attempts)| (state.to_owned(), attempts));
        (states == wanted).then_some(())
    })
    .await;
    assert_eq!(rig.messages().len(), 3);
}

/// What conversation does not take is not fetched: nobody would see it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn no_file_of_a_refused_message_is_fetched(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| config.event_attempts = 1).await;
    rig.whatsapp().await;
    rig.conversation
        .with(|state| state.poison = Some("veneno".into()));
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    let content = json!({"id": media.id, "caption": "veneno"});
    rig.post_message(message(GUEST, "wamid.1", "image", content, START))
        .await;
    rig.until_idle().await;
    // Another one that is fetched after it.
    rig.post_message(media_message(GUEST, "wamid.2", "image", &media, START))
        .await;
    rig.until_attached(1).await;
    let states: Vec<String> =
        sqlx::query_scalar("SELECT state FROM channel.inbound_media ORDER BY ext_key")
            .fetch_all(&rig.pool)
            .await
            .unwrap();
    assert_eq!(states[0], "waiting");
    assert_eq!(rig.count("media").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_that_conversation_refuses_for_good_is_removed_in_the_end(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    rig.conversation.with(|state| {
        state.attach_refusals.extend([tonic::Code::NotFound; 8]);
    });
    let media = rig.graph.store_media(PHONE, "image/jpeg", JPEG);
    rig.sends("wamid.1", "image", &media).await;
    rig.until("the file is given up", async || {
        rig.clock.advance(time::Duration::hours(7));
        let (state, ..) = rig.fetching().await?;
        (state == "failed").then_some(())
    })
    .await;
    rig.clock.advance(time::Duration::days(10));
    // A new channel has the housekeeping run.
    rig.whatsapp_of(crate::rig::COMPANY, "444", "s").await;
    rig.until("the file is gone", async || {
        (rig.count("media").await == 0 && rig.count("content").await == 0).then_some(())
    })
    .await;
    assert_eq!(rig.count("content_piece").await, 0);
}
