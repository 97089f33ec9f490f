//! Writing into a chat.

use auth::Role;
use chassis::ErrorCode;
use proto::{
    conversation::v1::{DeliveryStatus, Direction, IdentityKind},
    events::v1::{ChatAssigned, MessageCreated, OutboundRequested},
};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{CHANNEL, COMPANY, Rig, admin, identity, message, user, wrong_field};

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_text_is_stored_and_asked_to_be_sent(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let chat = rig.chat_of("50688888888").await;
    let agent = user(Role::Chat, 70, COMPANY, Some(7));
    let text = "Hola, ¿en que puedo ayudarte?";
    let sent = rig.send(&agent, chat, text, "").await.unwrap();
    assert_eq!((sent.chat_id, sent.sender_id, sent.seq), (chat, 70, 2));
    assert_eq!(
        (sent.direction(), sent.status()),
        (Direction::Outbound, DeliveryStatus::Queued)
    );
    assert_eq!(rig.messages(&agent, chat).await.last(), Some(&sent));

    let requested: Vec<OutboundRequested> = rig.announced("outbound.requested").await;
    assert_eq!(requested.len(), 1);
    assert_eq!(requested[0].message_id, sent.message_id);
    assert_eq!(
        (requested[0].channel_id, &*requested[0].text),
        (CHANNEL, text)
    );
    let recipient = identity(IdentityKind::WaPhone, "50688888888");
    assert_eq!(requested[0].recipient, Some(recipient));
    let created: Vec<MessageCreated> = rig.announced("message.created").await;
    assert_eq!(created[1].message.as_ref(), Some(&sent));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_key_makes_a_repetition_answer_the_first_result(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    let first = rig.send(&admin(), chat, "Buenas", "clave-1").await.unwrap();
    // Even after the window has closed.
    rig.clock.advance(Duration::hours(30));
    let again = rig.send(&admin(), chat, "Buenas", "clave-1").await.unwrap();
    assert_eq!(again, first);
    let refused = rig
        .send(&admin(), chat, "Otra cosa", "clave-1")
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::AlreadyExists);
    assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
    let requested: Vec<OutboundRequested> = rig.announced("outbound.requested").await;
    assert_eq!(requested.len(), 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_key_is_its_users_alone_and_forgotten_after_48_hours(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    let mut colleague = admin();
    colleague.user.as_mut().unwrap().id = auth::UserId(71);
    let first = rig.send(&admin(), chat, "Buenas", "clave").await.unwrap();
    let other = rig.send(&colleague, chat, "Buenas", "clave").await.unwrap();
    assert_ne!(other.message_id, first.message_id);

    rig.clock.advance(Duration::hours(47));
    let again = rig.send(&admin(), chat, "Buenas", "clave").await.unwrap();
    assert_eq!(again, first);
    // Then it is a message like any other, which comes too late for the guest.
    rig.clock.advance(Duration::hours(1));
    let late = rig.send(&admin(), chat, "Buenas", "clave").await;
    assert_eq!(late.unwrap_err().reason, "WINDOW_CLOSED");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn one_click_sent_many_times_at_once_is_one_message(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    let chat = rig.chat_of("50688888888").await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let rig = std::sync::Arc::clone(&rig);
        calls.spawn(async move {
            let sent = rig.send(&admin(), chat, "Buenas", "clic").await.unwrap();
            sent.message_id
        });
    }
    let mut ids = calls.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(rig.texts(&admin(), chat).await, ["Hola", "Buenas"]);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn outside_the_window_nothing_is_stored(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    rig.clock
        .advance(Duration::hours(24) - Duration::seconds(1));
    rig.send(&admin(), chat, "A tiempo", "").await.unwrap();
    rig.clock.advance(Duration::seconds(1));
    let refused = rig.send(&admin(), chat, "Tarde", "").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::FailedPrecondition);
    assert_eq!(refused.reason, "WINDOW_CLOSED");
    assert_eq!(rig.texts(&admin(), chat).await, ["Hola", "A tiempo"]);
    // The guest writes, and the window is open again.
    rig.take(message("m:2", "50688888888", "Sigo", rig.clock.now()))
        .await;
    rig.send(&admin(), chat, "Ahora sí", "").await.unwrap();
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn telegram_has_no_window(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let mut event = message("u:1", "1", "Hola", rig.clock.now());
    event.channel_type = "telegram".into();
    let event = crate::rig::with(event, |message| {
        message.identities = vec![identity(IdentityKind::Telegram, "4503599627370495")];
    });
    let chat = rig.take(event).await.chat_id;
    rig.clock.advance(Duration::days(30));
    rig.send(&admin(), chat, "¿Sigue ahí?", "").await.unwrap();
    let requested: Vec<OutboundRequested> = rig.announced("outbound.requested").await;
    let recipient = identity(IdentityKind::Telegram, "4503599627370495");
    assert_eq!(requested[0].recipient, Some(recipient));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn whoever_answers_a_waiting_chat_takes_it(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.department(COMPANY, 7).await;
    let chat = rig.chat_of("50688888888").await;
    let first = user(Role::Chat, 70, COMPANY, Some(7));
    let second = user(Role::Chat, 71, COMPANY, Some(7));
    rig.send(&first, chat, "Yo atiendo", "").await.unwrap();
    let assigned: Vec<ChatAssigned> = rig.announced("chat.assigned").await;
    assert_eq!((assigned[0].chat_id, assigned[0].user_id), (chat, 70));
    assert_eq!(rig.list(&first, "").await[0].assigned_user_id, 70);
    // It is out of the queue of the others.
    assert!(rig.list(&second, "").await.is_empty());
    let refused = rig.send(&second, chat, "Y yo", "").await.unwrap_err();
    assert_eq!(wrong_field(&refused), ("id_chat", "NOT_REGISTERED"));
    // An admin may help out without taking it away.
    rig.send(&admin(), chat, "Ayudo", "").await.unwrap();
    assert_eq!(rig.list(&first, "").await[0].assigned_user_id, 70);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_super_answers_without_taking_the_chat(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    let boss = user(Role::Super, 1, 1, None);
    rig.send(&boss, chat, "Soporte central", "").await.unwrap();
    assert_eq!(rig.list(&boss, "").await[0].assigned_user_id, 0);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn two_who_answer_a_waiting_chat_at_once_do_not_both_get_it(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    rig.department(COMPANY, 7).await;
    let chat = rig.chat_of("50688888888").await;
    // Both have seen that the chat waits before either may take it.
    let mut held = rig.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM conversation.chat FOR UPDATE")
        .execute(&mut *held)
        .await
        .unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for agent in [70, 71] {
        let rig = std::sync::Arc::clone(&rig);
        calls.spawn(async move {
            let agent = user(Role::Chat, agent, COMPANY, Some(7));
            rig.send(&agent, chat, "Yo atiendo", "").await
        });
    }
    let both_wait = async {
        while waiting_statements(&rig.pool).await < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), both_wait)
        .await
        .unwrap();
    held.commit().await.unwrap();
    let (stored, refused): (Vec<_>, Vec<_>) =
        calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((stored.len(), refused.len()), (1, 1));
    // The chat is out of the reach of the slower one.
    let refusal = refused[0].as_ref().unwrap_err();
    assert_eq!(wrong_field(refusal), ("id_chat", "NOT_REGISTERED"));
}

/// How many statements of this database wait for a lock.
async fn waiting_statements(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn an_answer_is_shown_after_what_it_answers(pool: PgPool) {
    let rig = Rig::start(pool).await;
    // The clock of the provider is a little ahead.
    let ahead = rig.clock.now() + Duration::seconds(30);
    let mut event = message("m:1", "50688888888", "pregunta", ahead);
    event.received_at = Some(crate::rig::wire_time(rig.clock.now()));
    event.provider_sequence = 5;
    let chat = rig.take(event).await.chat_id;
    rig.send(&admin(), chat, "respuesta", "").await.unwrap();
    assert_eq!(rig.texts(&admin(), chat).await, ["pregunta", "respuesta"]);
    assert_eq!(rig.list(&admin(), "").await[0].last_message, "respuesta");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_text_has_1_to_4096_characters(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    for (text, reason) in [
        (String::new(), "REQUIRED"),
        (" \n\t".to_owned(), "REQUIRED"),
        ("\0".to_owned(), "REQUIRED"),
        ("ñ".repeat(4097), "TOO_LONG"),
    ] {
        let refused = rig.send(&admin(), chat, &text, "").await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
        assert_eq!(wrong_field(&refused), ("message", reason));
    }
    rig.send(&admin(), chat, &"ñ".repeat(4096), "")
        .await
        .unwrap();
    let refused = rig
        .send(&admin(), chat, "x", &"k".repeat(256))
        .await
        .unwrap_err();
    assert_eq!(wrong_field(&refused), ("Idempotency-Key", "INVALID"));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_closed_chat_takes_no_messages(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    sqlx::query("UPDATE conversation.chat SET state = 'closed'")
        .execute(&rig.pool)
        .await
        .unwrap();
    let refused = rig.send(&admin(), chat, "Buenas", "").await.unwrap_err();
    assert_eq!(refused.reason, "CHAT_CLOSED");
}
