//! Requests that are repeated under a key: channels, bots and messages.

use auth::{Caller, ClientId};
use channel_connector::MIGRATOR;
use chassis::{ErrorCode, code::Refusal};
use proto::channel::v1::{
    ChannelType, ConnectTelegramRequest, CreateChannelRequest, SendTelegramRequest,
    UpdateChannelRequest,
};
use sqlx::PgPool;
use tonic::{Response, Status};

use crate::{
    rig::{BOT, COMPANY, Rig, platform},
    sending::text,
};

fn stranger() -> Caller {
    let mut stranger = platform();
    stranger.client.as_mut().unwrap().id = ClientId(77);
    stranger
}

fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Refusal> {
    answer
        .map(Response::into_inner)
        .map_err(|status| chassis::code::refusal(&status))
}

fn assert_reused<T: std::fmt::Debug>(answered: Result<T, Refusal>) {
    let refused = answered.unwrap_err();
    assert_eq!(refused.code, ErrorCode::AlreadyExists);
    assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
}

async fn channels(rig: &Rig) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM channel.channel")
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_adds_one_channel(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let create = async |caller: Caller, phone: &str, secret: &str| {
        let request = CreateChannelRequest {
            company_id: COMPANY,
            name: "WhatsApp Principal".into(),
            r#type: ChannelType::Whatsappfb.into(),
            app: phone.into(),
            token: "token".into(),
            secret_key: secret.into(),
            additional_app_id: String::new(),
            idempotency_key: "k".into(),
        };
        let call = rig.call(&caller);
        let made = answer(rig.channels().create_channel(call.request(request)).await)?;
        Ok::<_, Refusal>(made.channel.unwrap())
    };
    let first = create(platform(), "111", "s").await.unwrap();
    let rename = UpdateChannelRequest {
        channel_id: first.channel_id,
        company_id: COMPANY,
        name: Some("Otro".into()),
        ..UpdateChannelRequest::default()
    };
    let call = rig.call(&platform());
    rig.channels()
        .update_channel(call.request(rename))
        .await
        .unwrap();
    let again = create(platform(), "111", "s").await.unwrap();
    assert_eq!(again, first, "what was answered first");
    assert_reused(create(platform(), "111", "other").await);
    let theirs = create(stranger(), "222", "s").await.unwrap();
    assert_ne!(theirs.channel_id, first.channel_id);
    assert_eq!(channels(&rig).await, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_connects_a_bot_once(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let connect = async |name: &str| {
        let request = ConnectTelegramRequest {
            bot_token: BOT.into(),
            company_id: COMPANY,
            name: name.into(),
            idempotency_key: "k".into(),
        };
        let call = rig.call(&platform());
        let made = answer(rig.channels().connect_telegram(call.request(request)).await)?;
        Ok::<_, Refusal>(made.channel.unwrap())
    };
    let first = connect("Bot soporte").await.unwrap();
    assert_eq!(connect("Bot soporte").await.unwrap(), first);
    assert_reused(connect("Otro bot").await);
    assert_eq!(channels(&rig).await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_sends_one_text(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await.channel_id;
    let send = async |caller: Caller, message: &str| {
        let mut request = text(channel, message);
        request.idempotency_key = "k".into();
        let call = rig.call(&caller);
        answer(rig.sending().send_whats_app(call.request(request)).await)
    };
    let first = send(platform(), "Hola").await.unwrap();
    assert_eq!(send(platform(), "Hola").await.unwrap(), first);
    assert_reused(send(platform(), "Adiós").await);
    assert_ne!(send(stranger(), "Hola").await.unwrap(), first);
    assert_eq!(rig.conversation.with(|state| state.started.len()), 2);

    rig.clock.advance(time::Duration::hours(48));
    assert_ne!(send(platform(), "Adiós").await.unwrap(), first);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_text_in_pieces_goes_on_where_it_ended(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.bot().await;
    let send = async |message: &str| {
        let request = SendTelegramRequest {
            telegram_chat_id: "987654321".into(),
            text: message.into(),
            user_id: 7,
            idempotency_key: "k".into(),
            ..SendTelegramRequest::default()
        };
        let call = rig.call(&platform());
        answer(rig.sending().send_telegram(call.request(request)).await)
    };
    let gone = Status::unavailable("gone");
    rig.conversation
        .with(|state| state.start_refusal = Some(gone));
    let long = "palabra ".repeat(1000);
    let refused = send(&long).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    rig.conversation.with(|state| state.start_refusal = None);
    let first = send(&long).await.unwrap();
    assert_eq!(first.message_ids, [1, 2]);
    assert_eq!(send(&long).await.unwrap(), first);
    // A longer text that begins the same is another one.
    assert_reused(send(&format!("{long} y más")).await);
    assert_eq!(rig.conversation.with(|state| state.started.len()), 2);
}
