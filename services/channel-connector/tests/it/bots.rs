//! Connecting bots of Telegram, and what their webhooks do.

use auth::{Caller, Role};
use channel_connector::MIGRATOR;
use chassis::ErrorCode;
use proto::channel::v1::{ConnectTelegramRequest, UpdateChannelStatusRequest};
use sqlx::PgPool;

use crate::rig::{BOT, COMPANY, OTHER, Rig, platform, refusal, user};

#[sqlx::test(migrator = "MIGRATOR")]
async fn connecting_a_bot_registers_its_webhook_and_can_be_repeated(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.connect_bot().await;
    assert_eq!(bot.app, "12345:****");
    let hook = rig.telegram.webhook(BOT).unwrap();
    assert_eq!(
        hook.url,
        format!("https://atencion.test/api/telegram/receive/{}", bot.uuid)
    );
    let secret = hook.secret_token.unwrap();
    assert_eq!(secret.len(), 43);
    assert!(
        hook.allowed_updates
            .unwrap()
            .contains(&"message".to_owned())
    );
    let again = rig.connect_bot().await;
    assert_eq!(again, bot);
    assert_eq!(
        rig.telegram.webhook(BOT).unwrap().secret_token.unwrap(),
        secret
    );

    let connect = async |caller: Caller, token: &str, company_id: i64| {
        let request = ConnectTelegramRequest {
            bot_token: token.into(),
            company_id,
            name: "Bot soporte".into(),
            idempotency_key: String::new(),
        };
        let call = rig.call(&caller);
        refusal(rig.channels().connect_telegram(call.request(request)).await)
    };
    for wrong in ["", "12345", "99999:unknown", "1/../2:x"] {
        let refused = connect(platform(), wrong, COMPANY).await;
        assert_eq!(
            refused.fields,
            [("bot_token".into(), "INVALID".into())],
            "{wrong}"
        );
    }
    let taken = connect(platform(), BOT, OTHER).await;
    assert_eq!(taken.code, ErrorCode::AlreadyExists);
    let foreign = connect(user(OTHER, Role::Admin), BOT, COMPANY).await;
    assert_eq!(foreign.fields[0].0, "company");
    let agent = connect(user(COMPANY, Role::Chat), BOT, COMPANY).await;
    assert_eq!(agent.code, ErrorCode::PermissionDenied);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_bot_that_is_off_has_no_webhook(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bot = rig.connect_bot().await;
    let switch = async |active: bool| {
        let request = UpdateChannelStatusRequest {
            channel_id: bot.channel_id,
            active,
        };
        let call = rig.call(&platform());
        let answer = rig
            .channels()
            .update_channel_status(call.request(request))
            .await;
        answer.unwrap().into_inner()
    };
    assert!(switch(false).await.changed);
    assert_eq!(rig.telegram.webhook(BOT), None);
    assert!(!switch(false).await.changed);
    let on = switch(true).await;
    assert!(on.changed && on.channel.unwrap().active);
    assert!(rig.telegram.webhook(BOT).is_some());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn telegram_out_of_reach_is_said_to_be(pool: PgPool) {
    let rig = Rig::start_with(pool, |config| {
        // Nothing listens on the discard port.
        config.telegram_base_url = "http://127.0.0.1:9".into();
    })
    .await;
    let request = ConnectTelegramRequest {
        bot_token: BOT.into(),
        company_id: COMPANY,
        name: "Bot soporte".into(),
        idempotency_key: String::new(),
    };
    let call = rig.call(&platform());
    let answer = rig.channels().connect_telegram(call.request(request)).await;
    let status = answer.unwrap_err();
    assert!(!format!("{status:?}").contains("ABC-def_9"), "{status:?}");
    assert_eq!(refusal::<()>(Err(status)).code, ErrorCode::Unavailable);
}
