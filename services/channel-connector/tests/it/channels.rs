//! Channels: who may do what with them, and what of them is ever shown.

use auth::{Caller, Role};
use channel_connector::MIGRATOR;
use chassis::ErrorCode;
use proto::channel::v1::{
    Channel, ChannelType, CreateChannelRequest, GetChannelRequest, ListChannelsRequest,
    UpdateChannelRequest, UpdateChannelStatusRequest,
};
use sqlx::PgPool;
use tonic::Status;

use crate::rig::{APP_SECRET, COMPANY, OTHER, PHONE, Rig, TOKEN, platform, refusal, user};

async fn list(rig: &Rig, caller: &Caller, wanted: ListChannelsRequest) -> Vec<Channel> {
    let call = rig.call(caller);
    let answer = rig.channels().list_channels(call.request(wanted)).await;
    answer.unwrap().into_inner().channels
}

async fn get(rig: &Rig, caller: &Caller, channel_id: i64) -> Result<Channel, Status> {
    let call = rig.call(caller);
    let request = GetChannelRequest {
        channel_id,
        ..GetChannelRequest::default()
    };
    let answer = rig.channels().get_channel(call.request(request)).await?;
    Ok(answer.into_inner().channel.unwrap())
}

fn new(company_id: i64) -> CreateChannelRequest {
    CreateChannelRequest {
        company_id,
        name: "WhatsApp Principal".into(),
        r#type: ChannelType::Whatsappfb.into(),
        app: PHONE.into(),
        token: TOKEN.into(),
        secret_key: APP_SECRET.into(),
        additional_app_id: "app-aux-01".into(),
        idempotency_key: String::new(),
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_channel_shows_everything_but_its_secrets(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.create(new(COMPANY)).await.unwrap();
    assert_eq!(channel.app, PHONE);
    assert_eq!(channel.additional_app_id, "app-aux-01");
    assert!(channel.active);
    assert_eq!(channel.health, "ok");
    let bot = rig.bot().await;
    assert_eq!(bot.app, "12345:****");
    let shown = format!(
        "{:?}",
        list(&rig, &platform(), ListChannelsRequest::default()).await
    );
    for secret in [TOKEN, APP_SECRET, "ABC-def_9"] {
        assert!(!shown.contains(secret), "{shown}");
        let dump: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM channel.channel
             WHERE position($1 IN channel::text) > 0
                OR position(encode(convert_to($1, 'UTF8'), 'hex') IN channel::text) > 0",
        )
        .bind(secret)
        .fetch_one(&rig.pool)
        .await
        .unwrap();
        assert_eq!(dump, 0, "{secret} is stored in clear");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn lists_are_filtered(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.create(new(COMPANY)).await.unwrap();
    let bot = rig.bot().await;
    let other = rig.whatsapp_of(OTHER, "222", "s").await;
    let ids = async |wanted: ListChannelsRequest| -> Vec<i64> {
        let found = list(&rig, &platform(), wanted).await;
        found.iter().map(|channel| channel.channel_id).collect()
    };
    let all = ListChannelsRequest::default;
    let (one, two, three) = (channel.channel_id, bot.channel_id, other.channel_id);
    assert_eq!(ids(all()).await, [one, two, three]);
    assert_eq!(
        ids(ListChannelsRequest {
            company_id: OTHER,
            ..all()
        })
        .await,
        [three]
    );
    assert_eq!(
        ids(ListChannelsRequest {
            name: "SOPORTE".into(),
            ..all()
        })
        .await,
        [two]
    );
    assert_eq!(
        ids(ListChannelsRequest {
            app_id: "12345".into(),
            ..all()
        })
        .await,
        [two]
    );
    assert_eq!(
        ids(ListChannelsRequest {
            uuid: channel.uuid.clone(),
            ..all()
        })
        .await,
        [one]
    );
    let telegram = ChannelType::Telegram.into();
    assert_eq!(
        ids(ListChannelsRequest {
            r#type: telegram,
            ..all()
        })
        .await,
        [two]
    );
    for nothing in ["%", "_", "'", "\0", "abc-123"] {
        let wanted = ListChannelsRequest {
            name: nothing.into(),
            ..all()
        };
        assert_eq!(ids(wanted).await, [0_i64; 0], "{nothing:?}");
        let wanted = ListChannelsRequest {
            uuid: nothing.into(),
            ..all()
        };
        assert_eq!(ids(wanted).await, [0_i64; 0], "{nothing:?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_channel_of_another_company_does_not_exist(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let stranger = user(OTHER, Role::Admin);
    assert!(
        list(&rig, &stranger, ListChannelsRequest::default())
            .await
            .is_empty()
    );
    let asked = ListChannelsRequest {
        company_id: COMPANY,
        ..Default::default()
    };
    assert!(list(&rig, &stranger, asked).await.is_empty());
    let id = channel.channel_id;
    assert_eq!(
        refusal(get(&rig, &stranger, id).await).code,
        ErrorCode::NotFound
    );
    for company_id in [COMPANY, OTHER] {
        let change = UpdateChannelRequest {
            channel_id: id,
            company_id,
            name: Some("mío".into()),
            ..UpdateChannelRequest::default()
        };
        let call = rig.call(&stranger);
        let answer = rig.channels().update_channel(call.request(change)).await;
        assert_eq!(refusal(answer).code, ErrorCode::NotFound);
    }
    let switch = UpdateChannelStatusRequest {
        channel_id: id,
        active: false,
    };
    let call = rig.call(&stranger);
    let answer = rig
        .channels()
        .update_channel_status(call.request(switch))
        .await;
    assert_eq!(refusal(answer).code, ErrorCode::NotFound);
    let call = rig.call(&stranger);
    let answer = rig
        .channels()
        .create_channel(call.request(new(COMPANY)))
        .await;
    let refused = refusal(answer);
    assert_eq!(
        refused.fields,
        [("id_company".into(), "NOT_REGISTERED".into())]
    );
    assert_eq!(get(&rig, &platform(), id).await.unwrap(), channel);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn agents_see_that_channels_exist_and_no_more(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.whatsapp().await;
    let agent = user(COMPANY, Role::Chat);
    let seen = get(&rig, &agent, channel.channel_id).await.unwrap();
    assert_eq!(seen.name, channel.name);
    assert_eq!((seen.app.as_str(), seen.uuid.as_str()), ("", ""));
    let call = rig.call(&agent);
    let answer = rig
        .channels()
        .create_channel(call.request(new(COMPANY)))
        .await;
    assert_eq!(refusal(answer).code, ErrorCode::PermissionDenied);
    let switch = UpdateChannelStatusRequest {
        channel_id: channel.channel_id,
        active: false,
    };
    let call = rig.call(&agent);
    let answer = rig
        .channels()
        .update_channel_status(call.request(switch))
        .await;
    assert_eq!(refusal(answer).code, ErrorCode::PermissionDenied);
    let admin = user(COMPANY, Role::Admin);
    let call = rig.call(&admin);
    let answer = rig
        .channels()
        .update_channel_status(call.request(switch))
        .await;
    assert!(answer.unwrap().into_inner().changed);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn wrong_fields_are_named(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let field = async |request: CreateChannelRequest| {
        let refused = refusal(rig.create(request).await);
        assert_eq!(refused.code, ErrorCode::InvalidInput);
        refused.fields[0].0.clone()
    };
    let good = || new(COMPANY);
    let long = "x".repeat(192);
    assert_eq!(
        field(CreateChannelRequest {
            name: " ".into(),
            ..good()
        })
        .await,
        "name"
    );
    assert_eq!(
        field(CreateChannelRequest {
            name: long.clone(),
            ..good()
        })
        .await,
        "name"
    );
    assert_eq!(
        field(CreateChannelRequest {
            app: String::new(),
            ..good()
        })
        .await,
        "app"
    );
    assert_eq!(
        field(CreateChannelRequest {
            app: long,
            ..good()
        })
        .await,
        "app"
    );
    assert_eq!(
        field(CreateChannelRequest {
            token: String::new(),
            ..good()
        })
        .await,
        "token"
    );
    assert_eq!(
        field(CreateChannelRequest {
            token: "a\nb".into(),
            ..good()
        })
        .await,
        "token"
    );
    assert_eq!(
        field(CreateChannelRequest {
            r#type: 0,
            ..good()
        })
        .await,
        "type"
    );
    assert_eq!(
        field(CreateChannelRequest {
            company_id: 99,
            ..good()
        })
        .await,
        "id_company"
    );
    let bot = CreateChannelRequest {
        r#type: ChannelType::Telegram.into(),
        ..good()
    };
    assert_eq!(field(bot).await, "app");
    rig.create(good()).await.unwrap();
    let taken = refusal(
        rig.create(CreateChannelRequest {
            company_id: OTHER,
            ..good()
        })
        .await,
    );
    assert_eq!(taken.code, ErrorCode::AlreadyExists);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_change_keeps_what_it_does_not_name(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let channel = rig.create(new(COMPANY)).await.unwrap();
    let change = UpdateChannelRequest {
        channel_id: channel.channel_id,
        company_id: COMPANY,
        name: Some("WhatsApp Secundario".into()),
        ..UpdateChannelRequest::default()
    };
    let call = rig.call(&user(COMPANY, Role::Admin));
    let answer = rig.channels().update_channel(call.request(change)).await;
    let changed = answer.unwrap().into_inner().channel.unwrap();
    let expected = Channel {
        name: "WhatsApp Secundario".into(),
        ..channel
    };
    assert_eq!(changed, expected);
    // The secret and the token still work.
    let body = testing::graph::text_webhook(PHONE, "50688888888", "wamid.1", "Hola", 1);
    rig.post_signed(body).await;
    rig.request(1, &changed, "50688888888", "Hola").await;
    rig.until_outbound(1, "sent").await;
}

/// The company without access to Telegram and Messenger.
const WITHOUT: i64 = 5;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_company_has_the_kinds_of_channels_it_has_access_to(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let admin = user(WITHOUT, Role::Admin);
    let no_access = [("id_company".to_owned(), "NO_ACCESS".to_owned())];
    for kind in [
        ChannelType::Telegram,
        ChannelType::Messenger,
        ChannelType::Instagram,
    ] {
        let asked = |company| CreateChannelRequest {
            r#type: kind.into(),
            app: match kind {
                ChannelType::Telegram => "12345:ABC-def_9".to_owned(),
                _ => PHONE.to_owned(),
            },
            ..new(company)
        };
        for caller in [&admin, &platform()] {
            let call = rig.call(caller);
            let request = call.request(asked(WITHOUT));
            let answer = rig.channels().create_channel(request).await;
            assert_eq!(refusal(answer).fields, no_access);
        }
        rig.create(asked(COMPANY)).await.unwrap();
        sqlx::query("DELETE FROM channel.channel")
            .execute(&rig.pool)
            .await
            .unwrap();
    }

    // Nor does one become of another kind, or come back.
    let channel = rig.whatsapp_of(WITHOUT, "222", "s").await;
    let change = UpdateChannelRequest {
        channel_id: channel.channel_id,
        company_id: WITHOUT,
        r#type: Some(ChannelType::Messenger.into()),
        ..UpdateChannelRequest::default()
    };
    let call = rig.call(&admin);
    let answer = rig.channels().update_channel(call.request(change)).await;
    assert_eq!(refusal(answer).fields, no_access);
    sqlx::query("UPDATE channel.channel SET type = 'messenger', active = false")
        .execute(&rig.pool)
        .await
        .unwrap();
    let switch = UpdateChannelStatusRequest {
        channel_id: channel.channel_id,
        active: true,
    };
    let call = rig.call(&admin);
    let answer = rig
        .channels()
        .update_channel_status(call.request(switch))
        .await;
    assert_eq!(refusal(answer).fields, no_access);
}
