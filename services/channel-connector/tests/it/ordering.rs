//! Order within a lane, and patience with a conversation that is away or
//! refuses.

use channel_connector::MIGRATOR;
use sqlx::PgPool;
use testing::graph::{change, envelope, text_message, text_webhook};
use tonic::Code;

use crate::rig::{GUEST, PHONE, Rig};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_burst_of_each_guest_arrives_in_order(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let guests: Vec<String> = (0..5).map(|n| format!("5068888000{n}")).collect();
    for number in 0..20 {
        let messages = guests
            .iter()
            .map(|guest| {
                let wamid = format!("wamid.{guest}.{number:02}");
                text_message(guest, &wamid, &format!("{number:02}"), 1_750_000_000)
            })
            .collect();
        let body = envelope(vec![vec![change(PHONE, messages, vec![])]]);
        rig.post_signed(body).await;
    }
    rig.until_idle().await;
    assert_eq!(rig.messages().len(), 100);
    for guest in &guests {
        let texts: Vec<String> = rig
            .messages()
            .into_iter()
            .filter(|message| message.provider_id.contains(guest))
            .map(|message| message.text)
            .collect();
        let expected: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
        assert_eq!(texts, expected);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_is_lost_while_conversation_is_away(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    rig.conversation.with(|state| {
        state.refusals = [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Unauthenticated,
            Code::Unimplemented,
        ]
        .into();
    });
    let body = text_webhook(PHONE, GUEST, "wamid.1", "Hola", 1_750_000_000);
    let (id, _) = rig.post_signed(body).await;
    rig.until_raw(id, "done").await;
    assert_eq!(rig.messages().len(), 1);
    assert_eq!(rig.conversation.with(|state| state.calls), 5);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_event_that_is_refused_dies_visibly_and_its_lane_goes_on(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| config.event_attempts = 3).await;
    rig.whatsapp().await;
    rig.conversation
        .with(|state| state.poison = Some("wamid.poison".into()));
    let message = |wamid: &str| text_message(GUEST, wamid, wamid, 1_750_000_000);
    let poisoned = vec![
        message("wamid.1"),
        message("wamid.poison"),
        message("wamid.2"),
    ];
    let body = envelope(vec![vec![change(PHONE, poisoned, vec![])]]);
    let (id, _) = rig.post_signed(body).await;
    let other = text_webhook(PHONE, "50677777777", "wamid.other", "Hola", 1_750_000_000);
    let (other, _) = rig.post_signed(other).await;
    // A guest of his own lane does not wait for it.
    rig.until_raw(other, "done").await;
    rig.until("the poison is dead", async || {
        rig.clock.advance(time::Duration::seconds(10));
        (rig.raw(id).await.0 == "dead").then_some(())
    })
    .await;
    let texts: Vec<String> = rig.messages().into_iter().map(|m| m.text).collect();
    for text in ["wamid.1", "wamid.2", "Hola"] {
        assert!(texts.contains(&text.to_owned()), "{texts:?}");
    }
    let (attempts, error): (i32, String) = sqlx::query_as(
        "SELECT attempts, error FROM channel.inbound_event WHERE ext_key = 'm:wamid.poison'",
    )
    .fetch_one(&rig.pool)
    .await
    .unwrap();
    assert_eq!(attempts, 3);
    assert!(error.contains("poison"), "{error}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_stored_before_a_death_is_told_after_it(pool: PgPool) {
    let rig = Rig::start(pool.clone()).await;
    rig.whatsapp().await;
    // Found and stored, but conversation never heard of it: as after a crash between the two.
    rig.conversation
        .with(|state| state.refusals = vec![Code::Unavailable; 1000].into());
    let body = text_webhook(PHONE, GUEST, "wamid.1", "Hola", 1_750_000_000);
    let (id, _) = rig.post_signed(body).await;
    rig.until("the event is stored", async || {
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM channel.inbound_event")
            .fetch_one(&rig.pool)
            .await
            .unwrap();
        (events == 1).then_some(())
    })
    .await;
    assert_eq!(rig.raw(id).await.0, "new");
    drop(rig);
    let successor = Rig::start(pool).await;
    successor.until_raw(id, "done").await;
    assert_eq!(successor.messages().len(), 1);
}
