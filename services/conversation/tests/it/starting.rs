//! Writing to somebody on a channel.

use auth::{Caller, Role};
use chassis::{ErrorCode, code::Refusal};
use proto::{
    conversation::v1::{IdentityKind, Message, StartMessageRequest, StoreGuestRequest},
    events::v1::{ChatAssigned, OutboundRequested},
};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{
    CHANNEL, COMPANY, Rig, admin, answer, client, connector, identity, message, wrong_field,
};

fn to_phone(phone: &str) -> StartMessageRequest {
    StartMessageRequest {
        company_id: COMPANY,
        channel_id: CHANNEL,
        channel_type: "whatsappfb".into(),
        recipient: Some(identity(IdentityKind::WaPhone, phone)),
        guest_token: String::new(),
        sender_user_id: 70,
        text: "Su pedido está listo".into(),
        media_filename: String::new(),
        idempotency_key: String::new(),
    }
}

fn to_telegram() -> StartMessageRequest {
    StartMessageRequest {
        channel_id: 22,
        channel_type: "telegram".into(),
        recipient: Some(identity(IdentityKind::Telegram, "987654")),
        ..to_phone("")
    }
}

async fn start(
    rig: &Rig,
    caller: &Caller,
    request: StartMessageRequest,
) -> Result<Message, Refusal> {
    let call = rig.call(caller);
    let started = rig.chats().start_message(call.request(request)).await;
    answer(started).map(|started| started.message.unwrap())
}

async fn token_of(rig: &Rig, company: i64, phone: &str) -> String {
    let request = StoreGuestRequest {
        company_id: company,
        name: "Cliente WAP".into(),
        email: String::new(),
        phone: phone.into(),
        idempotency_key: String::new(),
    };
    let call = rig.call(&client(auth::Authority::Platform, company));
    let stored = rig
        .guests()
        .store_guest(call.request(request))
        .await
        .unwrap();
    stored.into_inner().token
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn it_goes_into_the_chat_that_the_guest_has(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let chat = rig.chat_of("50688888888").await;
    let mut request = to_phone("+506 8888-8888");
    request.media_filename = "photo_12.jpg".into();
    let sent = start(&rig, &connector(), request).await.unwrap();
    assert_eq!(
        (sent.chat_id, sent.sender_id, &*sent.kind),
        (chat, 70, "image")
    );
    let requested: Vec<OutboundRequested> = rig.announced("outbound.requested").await;
    assert_eq!(requested[0].message_id, sent.message_id);
    assert_eq!(requested[0].media_filename, "photo_12.jpg");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn whoever_writes_to_a_waiting_guest_takes_the_chat(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let chat = rig.chat_of("50688888888").await;
    rig.agent(70, COMPANY, None, Role::Chat).await;
    start(&rig, &connector(), to_phone("50688888888"))
        .await
        .unwrap();
    let assigned: Vec<ChatAssigned> = rig.announced("chat.assigned").await;
    assert_eq!((assigned[0].chat_id, assigned[0].user_id), (chat, 70));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_chat_that_an_agent_starts_is_theirs(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 71).await;
    rig.agent(70, COMPANY, Some(7), Role::Chat).await;
    let sent = start(&rig, &connector(), to_telegram()).await.unwrap();
    let assigned: Vec<ChatAssigned> = rig.announced("chat.assigned").await;
    assert_eq!(
        (assigned[0].chat_id, assigned[0].user_id),
        (sent.chat_id, 70)
    );
    // The answer of the guest comes into it.
    let mut reply = message(
        "u:1",
        "1",
        "Gracias",
        rig.clock.now() + Duration::seconds(1),
    );
    reply.channel_id = 22;
    reply.channel_type = "telegram".into();
    let reply = crate::rig::with(reply, |message| {
        message.identities = vec![identity(IdentityKind::Telegram, "987654")];
    });
    assert_eq!(rig.take(reply).await.chat_id, sent.chat_id);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn outside_the_window_nothing_comes_into_being(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let refused = start(&rig, &connector(), to_phone("50688888888"))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "WINDOW_CLOSED");
    assert_eq!((rig.count("guest").await, rig.count("chat").await), (0, 0));
    // The window belongs to the guest: it outlives the chat.
    rig.chat_of("50688888888").await;
    sqlx::query("UPDATE conversation.chat SET state = 'closed'")
        .execute(&rig.pool)
        .await
        .unwrap();
    start(&rig, &connector(), to_phone("50688888888"))
        .await
        .unwrap();
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_repetition_answers_the_first_result(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let mut request = to_telegram();
    request.idempotency_key = "clave".into();
    let first = start(&rig, &connector(), request.clone()).await.unwrap();
    let again = start(&rig, &connector(), request.clone()).await.unwrap();
    assert_eq!(first, again);
    let mut other_text = request.clone();
    other_text.text = "Otra cosa".into();
    let mut other_guest = request;
    other_guest.recipient = Some(identity(IdentityKind::Telegram, "111"));
    for other in [other_text, other_guest] {
        let refused = start(&rig, &connector(), other).await.unwrap_err();
        assert_eq!(refused.reason, "IDEMPOTENCY_CONFLICT");
    }
    assert_eq!(rig.count("message").await, 1);
    assert_eq!(rig.count("guest").await, 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_token_binds_to_its_guest_and_to_no_other(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let chat = rig.chat_of("50688888888").await;
    rig.chat_of("50677777777").await;
    let ours = token_of(&rig, COMPANY, "50688888888").await;
    let theirs = token_of(&rig, 4, "50688888888").await;
    let mut request = to_phone("50688888888");
    request.guest_token.clone_from(&ours);
    assert_eq!(
        start(&rig, &connector(), request.clone())
            .await
            .unwrap()
            .chat_id,
        chat
    );

    let mut to_another = to_phone("50677777777");
    to_another.guest_token.clone_from(&ours);
    let with_token = |token: &str| {
        let mut request = request.clone();
        request.guest_token = token.into();
        request
    };
    let refused = [
        with_token(&theirs),
        with_token("guest-token-123"),
        with_token(&ours[..ours.len() - 2]),
        to_another,
    ];
    for request in refused {
        let refused = start(&rig, &connector(), request).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput);
        assert_eq!(wrong_field(&refused), ("tokenGuest", "INVALID"));
    }
    // A new version makes the old tokens worthless.
    sqlx::query("UPDATE conversation.guest SET token_version = token_version + 1")
        .execute(&rig.pool)
        .await
        .unwrap();
    let refused = start(&rig, &connector(), request).await.unwrap_err();
    assert_eq!(wrong_field(&refused), ("tokenGuest", "INVALID"));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_token_gives_its_guest_a_name_that_nobody_has(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let mut request = to_telegram();
    request.guest_token = token_of(&rig, COMPANY, "50688888888").await;
    start(&rig, &connector(), request).await.unwrap();
    assert_eq!(rig.count("guest").await, 1);
    assert_eq!(rig.list(&admin(), "").await[0].name, "Cliente WAP");
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn the_sender_must_be_an_active_user_of_the_company(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    rig.agent(90, 4, None, Role::Admin).await;
    rig.agent(71, COMPANY, Some(7), Role::Chat).await;
    sqlx::query("UPDATE conversation.agent SET active = false WHERE user_id = 71")
        .execute(&rig.pool)
        .await
        .unwrap();
    for sender in [0, 71, 90, 999] {
        let mut request = to_telegram();
        request.sender_user_id = sender;
        let refused = start(&rig, &connector(), request).await.unwrap_err();
        assert_eq!(
            wrong_field(&refused),
            ("id_user", "NOT_REGISTERED"),
            "{sender}"
        );
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn bad_input_is_named(pool: PgPool) {
    let rig = Rig::start(pool).await.with_agent(COMPANY, 7, 70).await;
    let mut no_text = to_telegram();
    no_text.text = String::new();
    let mut long_text = to_telegram();
    long_text.text = "x".repeat(4097);
    let mut wrong_kind = to_telegram();
    wrong_kind.channel_type = "whatsappfb".into();
    for (request, field) in [
        (to_phone("abc"), "to"),
        (to_phone(""), "to"),
        (wrong_kind, "to"),
        (no_text, "message"),
        (long_text, "message"),
    ] {
        let refused = start(&rig, &connector(), request).await.unwrap_err();
        assert_eq!(wrong_field(&refused).0, field);
    }
    for caller in [
        admin(),
        Caller::service("edge"),
        client(auth::Authority::Platform, 3),
    ] {
        let refused = start(&rig, &caller, to_telegram()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::PermissionDenied);
    }
}
