//! Writing to people on behalf of API clients.

use auth::{Caller, Role};
use bytes::Bytes;
use channel_connector::MIGRATOR;
use chassis::{ErrorCode, code::Refusal};
use proto::channel::v1::{
    ReadTelegramRequest, SendTelegramRequest, SendWhatsAppRequest, UpdateChannelStatusRequest,
};
use sqlx::PgPool;
use tonic::Status;

use crate::rig::{BOT, COMPANY, GUEST, OTHER, Rig, platform, refusal, update, user};

pub fn text(channel_id: i64, message: &str) -> SendWhatsAppRequest {
    SendWhatsAppRequest {
        channel_id,
        to: "+506 8888-8888".into(),
        text: message.into(),
        ..SendWhatsAppRequest::default()
    }
}

pub async fn refused(rig: &Rig, caller: &Caller, request: SendWhatsAppRequest) -> Refusal {
    let call = rig.call(caller);
    refusal(rig.sending().send_whats_app(call.request(request)).await)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_text_is_given_to_conversation_with_a_clean_number(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let agent = user(COMPANY, Role::Chat);
    let call = rig.call(&agent);
    let mut request = text(channel.channel_id, "Hola desde Meta");
    request.guest_token = "guest-token".into();
    request.idempotency_key = "k1".into();
    let answer = rig.sending().send_whats_app(call.request(request)).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!((answer.message_id, answer.chat_id), (1, 77));
    let started = rig.conversation.with(|state| state.started.clone());
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].company_id, COMPANY);
    assert_eq!(started[0].channel_type, "whatsappfb");
    assert_eq!(started[0].recipient.clone().unwrap().value, GUEST);
    assert_eq!(started[0].sender_user_id, 7);
    assert_eq!(started[0].guest_token, "guest-token");
    assert_eq!(started[0].idempotency_key.len(), 36, "a name of our own");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn wrong_fields_of_a_text_are_named(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let bot = rig.bot().await;
    let id = channel.channel_id;
    let caller = platform();
    let field = async |request| refused(&rig, &caller, request).await.fields[0].0.clone();
    assert_eq!(field(text(4711, "Hola")).await, "whatsapp_channel");
    assert_eq!(
        field(text(bot.channel_id, "Hola")).await,
        "whatsapp_channel"
    );
    assert_eq!(field(text(id, "")).await, "message");
    assert_eq!(field(text(id, &"a".repeat(4097))).await, "message");
    let to = |to: &str| SendWhatsAppRequest {
        to: to.into(),
        ..text(id, "Hola")
    };
    for wrong in ["", "hola", "123", "+506 8888 888x"] {
        assert_eq!(field(to(wrong)).await, "to", "{wrong}");
    }
    let unknown = Bytes::from_static(b"no file that anybody knows");
    let file = SendWhatsAppRequest {
        file: unknown,
        ..text(id, "Hola")
    };
    assert_eq!(field(file).await, "file");
    // A channel of another company does not exist, one that is off sends nothing.
    let foreign = refused(&rig, &user(OTHER, Role::Admin), text(id, "Hola")).await;
    assert_eq!(
        foreign.fields,
        [("whatsapp_channel".into(), "NOT_REGISTERED".into())]
    );
    let switch = UpdateChannelStatusRequest {
        channel_id: id,
        active: false,
    };
    let call = rig.call(&caller);
    rig.channels()
        .update_channel_status(call.request(switch))
        .await
        .unwrap();
    assert_eq!(field(text(id, "Hola")).await, "whatsapp_channel");
    rig.conversation
        .with(|state| assert!(state.started.is_empty()));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_conversation_refuses_is_passed_on(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    rig.conversation
        .with(|state| state.start_refusal = Some(Status::failed_precondition("window closed")));
    let said = refused(&rig, &platform(), text(channel.channel_id, "Hola")).await;
    assert_eq!(said.code, ErrorCode::FailedPrecondition);
    rig.conversation
        .with(|state| state.start_refusal = Some(Status::internal("a secret of conversation")));
    let said = refused(&rig, &platform(), text(channel.channel_id, "Hola")).await;
    assert_eq!(said.code, ErrorCode::Unavailable);
}

fn to_telegram(bot_token: &str, message: &str) -> SendTelegramRequest {
    SendTelegramRequest {
        bot_token: bot_token.into(),
        telegram_chat_id: "987654321".into(),
        text: message.into(),
        user_id: 7,
        ..SendTelegramRequest::default()
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_long_text_for_telegram_goes_in_pieces(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.bot().await;
    let long = "palabra ".repeat(1100);
    let mut request = to_telegram("", &long);
    request.idempotency_key = "k1".into();
    for _ in 0..2 {
        let call = rig.call(&platform());
        let answer = rig
            .sending()
            .send_telegram(call.request(request.clone()))
            .await;
        assert_eq!(answer.unwrap().into_inner().message_ids, [1, 2, 3]);
    }
    let started = rig.conversation.with(|state| state.started.clone());
    assert_eq!(started.len(), 3);
    let words: usize = started
        .iter()
        .map(|piece| piece.text.matches("palabra").count())
        .sum();
    assert_eq!(words, 1100);
    assert!(
        started
            .iter()
            .all(|piece| piece.text.encode_utf16().count() <= 4096)
    );
    let call = rig.call(&platform());
    let endless = to_telegram("", &"a".repeat(100_000));
    let said = refusal(rig.sending().send_telegram(call.request(endless)).await);
    assert_eq!(said.fields, [("message".into(), "TOO_LONG".into())]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_bot_is_the_companys_own(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let send = async |caller: Caller, bot_token: &str| {
        let call = rig.call(&caller);
        let request = to_telegram(bot_token, "Hola");
        let answer = rig.sending().send_telegram(call.request(request)).await;
        answer
            .map(|_| ())
            .map_err(|status| chassis::code::refusal(&status).fields)
    };
    let bad = |reason: &str| Err(vec![("bot_token".to_owned(), reason.to_owned())]);
    assert_eq!(send(platform(), "").await, bad("REQUIRED"));
    rig.bot().await;
    assert_eq!(send(platform(), "").await, Ok(()));
    assert_eq!(send(platform(), BOT).await, Ok(()));
    assert_eq!(
        send(platform(), "12345:another").await,
        bad("NOT_REGISTERED")
    );
    assert_eq!(send(platform(), "no token").await, bad("NOT_REGISTERED"));
    // A bot of another company cannot be used as a relay, though its token is right.
    assert_eq!(
        send(user(OTHER, Role::Admin), BOT).await,
        bad("NOT_REGISTERED")
    );
    rig.bot_of(COMPANY, "777:second").await;
    assert_eq!(send(platform(), "").await, bad("AMBIGUOUS"));
    assert_eq!(send(platform(), "777:second").await, Ok(()));
    let started = rig.conversation.with(|state| state.started.len());
    assert_eq!(started, 3);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn messages_of_a_bot_are_handed_out_once_to_each_client(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.connect_bot().await;
    let secret = rig.telegram.webhook(BOT).unwrap().secret_token.unwrap();
    for number in 1..=3 {
        let body = update(number, 987_654_321, &format!("mensaje {number}"));
        rig.post_telegram(&bot.uuid, body, &secret).await.unwrap();
    }
    rig.until_idle().await;
    let read = async |caller: &Caller| -> Vec<String> {
        let call = rig.call(caller);
        let request = ReadTelegramRequest {
            bot_token: BOT.into(),
        };
        let answer = rig.sending().read_telegram(call.request(request)).await;
        let messages = answer.unwrap().into_inner().messages;
        assert!(
            messages
                .iter()
                .all(|message| message.telegram_chat_id == "987654321")
        );
        messages.into_iter().map(|message| message.text).collect()
    };
    let all = ["mensaje 1", "mensaje 2", "mensaje 3"];
    assert_eq!(read(&platform()).await, all);
    assert_eq!(read(&platform()).await, [""; 0]);
    let mut another = platform();
    another.client.as_mut().unwrap().id = auth::ClientId(2);
    assert_eq!(read(&another).await, all);
}
