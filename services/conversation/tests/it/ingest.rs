//! Messages of guests take effect once, in one chat, in the order of writing.

use auth::Role;
use chassis::ErrorCode;
use proto::{
    conversation::v1::{Direction, IngestEventsRequest, IngestOutcome},
    events::v1::{ChatAssigned, MessageCreated},
};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{
    COMPANY, Rig, admin, answer, connector, message, outcomes, user, with, wrong_field,
};

/// No time that can be written down is too much.
#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn the_last_second_there_is_is_a_time(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let end = time::OffsetDateTime::from_unix_timestamp(253_402_300_799).unwrap();
    let taken = rig
        .take(message("m:wamid.1", "50688888888", "Hola", end))
        .await;
    assert_eq!(taken.outcome(), IngestOutcome::Stored);
    let agent = user(Role::Chat, 70, COMPANY, Some(7));
    let refused = rig.send(&agent, taken.chat_id, "Buenas", "").await;
    assert!(refused.is_ok(), "{refused:?}");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_first_message_opens_a_chat_and_is_announced(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let at = rig.clock.now() - Duration::seconds(40);
    let event = with(message("m:wamid.1", "50688888888", "Hola", at), |message| {
        message.profile_name = "Cliente A".into();
        message.media_filename = "photo_1.jpg".into();
        message.kind = "image".into();
    });
    let taken = rig.take(event).await;
    assert_eq!(taken.outcome(), IngestOutcome::Stored);

    let stored = rig.messages(&admin(), taken.chat_id).await.remove(0);
    assert_eq!(stored.message_id, taken.message_id);
    assert_eq!((stored.seq, stored.direction()), (1, Direction::Inbound));
    assert_eq!((&*stored.text, &*stored.kind), ("Hola", "image"));
    assert_eq!(stored.media_filename, "photo_1.jpg");
    assert_eq!(stored.sender_name, "Cliente A");
    // Written then, stored now: both times are kept.
    assert_eq!(stored.provider_time.unwrap().seconds, at.unix_timestamp());
    assert_eq!(
        stored.created_at.unwrap().seconds,
        rig.clock.now().unix_timestamp()
    );

    let created: Vec<MessageCreated> = rig.announced("message.created").await;
    assert_eq!(created.len(), 1);
    assert_eq!(created[0].message.as_ref(), Some(&stored));
    assert_eq!(created[0].chat_name, "Cliente A");
    assert_eq!(
        (created[0].assigned_user_id, created[0].department_id),
        (70, 7)
    );
    assert_eq!(created[0].audience_user_ids, vec![70]);
    let assigned: Vec<ChatAssigned> = rig.announced("chat.assigned").await;
    assert_eq!(
        (assigned[0].chat_id, assigned[0].user_id),
        (taken.chat_id, 70)
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_repeated_event_changes_nothing(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let event = message("m:wamid.1", "50688888888", "Hola", rig.clock.now());
    let first = rig.take(event.clone()).await;
    let again = rig.ingest(vec![event.clone(), event]).await;
    assert_eq!(outcomes(&again), vec![IngestOutcome::Duplicate; 2]);
    assert_eq!(again[0].message_id, first.message_id);
    assert_eq!(again[0].chat_id, first.chat_id);
    assert_eq!(rig.count("message").await, 1);
    assert_eq!(rig.count("outbox").await, 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn equal_texts_are_not_one_message(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let now = rig.clock.now();
    let events = (0..3)
        .map(|n| message(&format!("m:wamid.{n}"), "50688888888", "ok", now))
        .collect();
    let taken = rig.ingest(events).await;
    assert_eq!(outcomes(&taken), vec![IngestOutcome::Stored; 3]);
    assert_eq!(rig.messages(&admin(), taken[0].chat_id).await.len(), 3);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn twenty_messages_at_once_make_one_chat_in_the_order_of_writing(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let start = rig.clock.now() - Duration::minutes(2);
    let mut calls = tokio::task::JoinSet::new();
    // The last ones are reported first.
    for n in (0..20).rev() {
        let at = start + Duration::seconds(n);
        let event = message(&format!("m:w.{n}"), "50688888888", &format!("{n:02}"), at);
        let call = rig.call(&connector());
        let mut service = rig.ingest_service();
        calls.spawn(async move {
            let request = IngestEventsRequest {
                events: vec![event],
            };
            service.ingest_events(call.request(request)).await.unwrap();
        });
    }
    calls.join_all().await;

    let chats = rig.list(&admin(), "").await;
    assert_eq!(chats.len(), 1);
    assert_eq!((chats[0].unread, &*chats[0].last_message), (20, "19"));
    let shown = rig.texts(&admin(), chats[0].chat_id).await;
    let written: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    assert_eq!(shown, written);
    let mut places: Vec<i64> = rig
        .messages(&admin(), chats[0].chat_id)
        .await
        .iter()
        .map(|message| message.seq)
        .collect();
    places.sort_unstable();
    assert_eq!(places, (1..=20).collect::<Vec<_>>());
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn messages_of_one_second_are_in_the_order_of_the_provider(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let now = rig.clock.now();
    let mut events: Vec<_> = [2, 3, 1]
        .map(|n| {
            let mut event = message(&format!("m:w.{n}"), "50688888888", &n.to_string(), now);
            event.provider_sequence = n;
            event
        })
        .into();
    let chat = rig.take(events.remove(0)).await.chat_id;
    rig.ingest(events).await;
    assert_eq!(rig.texts(&admin(), chat).await, ["1", "2", "3"]);
    assert_eq!(rig.list(&admin(), "").await[0].last_message, "3");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_time_in_the_future_does_not_pin_a_message_to_the_bottom(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let now = rig.clock.now();
    let seconds = now.unix_timestamp();
    // Tomorrow, milliseconds for seconds, and no time at all.
    for (n, odd) in (0_i64..).zip([seconds + 86_400, seconds * 1000, i64::MAX, i64::MIN]) {
        let phone = format!("5068888000{n}");
        let mut event = message(&format!("m:{n}"), &phone, "de otro siglo", now);
        event.provider_time = Some(prost_types::Timestamp {
            seconds: odd,
            nanos: 0,
        });
        let chat = rig.take(event).await.chat_id;
        let later = now + Duration::seconds(1);
        rig.take(message(&format!("m:{n}b"), &phone, "normal", later))
            .await;
        assert_eq!(rig.texts(&admin(), chat).await, ["de otro siglo", "normal"]);
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn new_chats_go_to_the_agent_with_the_fewest(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    rig.agent(71, COMPANY, Some(7), Role::Chat).await;
    rig.agent(72, COMPANY, Some(8), Role::Chat).await;
    rig.agent(73, COMPANY, Some(7), Role::Admin).await;
    rig.department(COMPANY, 8).await;
    for n in 0..4 {
        rig.chat_of(&format!("5068888000{n}")).await;
    }
    let assigned: Vec<i64> = rig
        .announced::<ChatAssigned>("chat.assigned")
        .await
        .iter()
        .map(|event| event.user_id)
        .collect();
    assert_eq!(assigned, [70, 71, 70, 71]);
    // A closed chat is no work.
    sqlx::query("UPDATE conversation.chat SET state = 'closed' WHERE assigned_user_id = 71")
        .execute(&rig.pool)
        .await
        .unwrap();
    for n in 4..6 {
        rig.chat_of(&format!("5068888000{n}")).await;
    }
    let assigned: Vec<ChatAssigned> = rig.announced("chat.assigned").await;
    assert_eq!((assigned[4].user_id, assigned[5].user_id), (71, 71));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn guests_who_come_at_once_all_get_an_agent(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..12 {
        let phone = format!("506888800{n:02}");
        let event = message(&format!("m:{n}"), &phone, "Hola", rig.clock.now());
        let call = rig.call(&connector());
        let mut service = rig.ingest_service();
        calls.spawn(async move {
            let request = IngestEventsRequest {
                events: vec![event],
            };
            service.ingest_events(call.request(request)).await.unwrap();
        });
    }
    calls.join_all().await;
    let chats = rig.list(&admin(), "").await;
    assert_eq!(chats.len(), 12);
    assert!(
        chats.iter().all(|chat| chat.assigned_user_id == 70),
        "{chats:?}"
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_chat_without_an_agent_waits_and_its_department_hears_of_it(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.department(COMPANY, 7).await;
    rig.agent(2, COMPANY, None, Role::Admin).await;
    let chat = rig.chat_of("50688880000").await;
    assert_eq!(rig.list(&admin(), "").await[0].assigned_user_id, 0);
    // An agent who comes later finds it in the list.
    rig.agent(70, COMPANY, Some(7), Role::Chat).await;
    rig.agent(71, COMPANY, Some(7), Role::Chat).await;
    let agent = user(Role::Chat, 70, COMPANY, Some(7));
    assert_eq!(rig.list(&agent, "").await[0].chat_id, chat);
    let later = rig.clock.now() + Duration::seconds(1);
    rig.take(message("m:2", "50688880000", "?", later)).await;

    let created: Vec<MessageCreated> = rig.announced("message.created").await;
    assert_eq!(created[0].audience_user_ids, [2], "nobody else was there");
    assert_eq!(created[1].audience_user_ids, [70, 71]);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_message_after_the_end_opens_a_new_chat(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let first = rig.chat_of("50688880000").await;
    sqlx::query("UPDATE conversation.chat SET state = 'closed'")
        .execute(&rig.pool)
        .await
        .unwrap();
    let later = rig.clock.now() + Duration::seconds(1);
    let second = rig
        .take(message("m:2", "50688880000", "Sigo aquí", later))
        .await;
    assert_ne!(second.chat_id, first);
    assert_eq!(rig.count("guest").await, 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn strange_input_is_stored_as_far_as_it_goes(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let event = with(
        message("m:\0w", "50688880000", "ho\0la 🙂", rig.clock.now()),
        |message| {
            message.profile_name = format!("\0{}", "ñ".repeat(500));
            message.kind = "hologram".into();
        },
    );
    let taken = rig.take(event).await;
    let stored = rig.messages(&admin(), taken.chat_id).await.remove(0);
    assert_eq!((&*stored.text, &*stored.kind), ("hola 🙂", "unsupported"));
    assert_eq!(stored.sender_name, "ñ".repeat(191));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_batch_with_a_mistake_is_refused_as_a_whole(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let good = message("m:1", "50688880000", "Hola", rig.clock.now());
    let nobody = with(good.clone(), |message| message.identities.clear());
    let mut endless = good.clone();
    endless.external_key = "k".repeat(601);
    for (bad, field) in [(nobody, "identities"), (endless, "external_key")] {
        let request = IngestEventsRequest {
            events: vec![good.clone(), bad],
        };
        let call = rig.call(&connector());
        let refused = rig
            .ingest_service()
            .ingest_events(call.request(request))
            .await;
        let refused = answer(refused).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
        assert_eq!(wrong_field(&refused), (field, "INVALID"));
    }
    assert_eq!(rig.count("message").await, 0);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn only_the_connector_reports(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for caller in [
        admin(),
        auth::Caller::service("edge"),
        auth::Caller::service("identity"),
    ] {
        let request = IngestEventsRequest {
            events: vec![message("m:1", "50688880000", "Hola", rig.clock.now())],
        };
        let call = rig.call(&caller);
        let refused = rig
            .ingest_service()
            .ingest_events(call.request(request))
            .await;
        assert_eq!(
            answer(refused).unwrap_err().code,
            ErrorCode::PermissionDenied
        );
    }
    assert_eq!(rig.count("message").await, 0);
}
