//! Names that come together belong to one guest, whatever the order.

use auth::Role;
use proto::{
    conversation::v1::{GuestIdentity, IdentityKind, MarkAsReadRequest},
    events::v1::OutboundRequested,
};
use sqlx::PgPool;
use time::Duration;

use crate::rig::{CHANNEL, COMPANY, Rig, admin, identity, message, message_of, user, with};

fn phone() -> GuestIdentity {
    identity(IdentityKind::WaPhone, "50688888888")
}

fn bsuid() -> GuestIdentity {
    identity(IdentityKind::WaBsuid, "CR.13491208655302741918")
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_guest_without_a_number_is_a_guest(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let event = with(
        message_of("m:1", vec![bsuid()], "Hola", rig.clock.now()),
        |message| message.profile_name = "Sin número".into(),
    );
    let chat = rig.take(event).await.chat_id;
    let listed = rig.list(&admin(), "sin número").await;
    assert_eq!((listed[0].chat_id, &*listed[0].name), (chat, "Sin número"));
    // An answer goes to the only name there is.
    rig.send(&admin(), chat, "Buenas", "").await.unwrap();
    let requested: Vec<OutboundRequested> = rig.announced("outbound.requested").await;
    assert_eq!(requested[0].recipient, Some(bsuid()));
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_number_and_an_id_that_come_together_are_one_guest(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let start = rig.clock.now() - Duration::minutes(1);
    let sightings = [
        vec![phone()],
        vec![bsuid()],
        vec![bsuid(), phone()],
        vec![bsuid()],
    ];
    let mut chats = Vec::new();
    for (n, identities) in (0_i64..).zip(sightings) {
        let at = start + Duration::seconds(n);
        let event = message_of(&format!("m:{n}"), identities, &n.to_string(), at);
        chats.push(rig.take(event).await.chat_id);
    }
    assert_ne!(chats[0], chats[1], "nothing says yet that they are one");
    assert_eq!((chats[2], chats[3]), (chats[0], chats[0]));
    let listed = rig.list(&admin(), "").await;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].unread, &*listed[0].last_message), (4, "3"));
    assert_eq!(rig.texts(&admin(), chats[0]).await, ["0", "1", "2", "3"]);
    // Who still has the other chat open goes on in the one that is left.
    assert_eq!(rig.texts(&admin(), chats[1]).await.len(), 4);
    let sent = rig.send(&admin(), chats[1], "Buenas", "").await.unwrap();
    assert_eq!(sent.chat_id, chats[0]);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn what_was_read_and_written_survives_the_joining(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.agent(2, COMPANY, None, Role::Admin).await;
    let start = rig.clock.now() - Duration::minutes(1);
    let one = rig
        .take(message_of("m:1", vec![phone()], "uno", start))
        .await;
    let two = rig
        .take(message_of(
            "m:2",
            vec![bsuid()],
            "dos",
            start + Duration::seconds(1),
        ))
        .await;
    rig.send(&admin(), two.chat_id, "respuesta", "clave")
        .await
        .unwrap();
    for taken in [one, two] {
        let request = MarkAsReadRequest {
            chat_id: taken.chat_id,
            message_id: taken.message_id,
        };
        let call = rig.call(&admin());
        rig.chats()
            .mark_as_read(call.request(request))
            .await
            .unwrap();
    }
    let both = vec![bsuid(), phone()];
    let later = rig.clock.now() + Duration::seconds(5);
    rig.take(message_of("m:3", both, "tres", later)).await;

    let listed = rig.list(&admin(), "").await;
    assert_eq!((listed[0].unread, listed[0].assigned_user_id), (1, 2));
    let again = rig
        .send(&admin(), two.chat_id, "respuesta", "clave")
        .await
        .unwrap();
    assert_eq!(again.text, "respuesta");
    assert_eq!(
        rig.texts(&admin(), one.chat_id).await,
        ["uno", "dos", "respuesta", "tres"]
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_number_that_providers_write_in_two_ways_is_one(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let now = rig.clock.now();
    for (n, (one, other)) in [
        ("5511987654321", "551187654321"),
        ("525512345678", "5215512345678"),
    ]
    .into_iter()
    .enumerate()
    {
        let first = rig.take(message(&format!("m:{n}a"), one, "a", now)).await;
        let at = now + Duration::seconds(1);
        let second = rig.take(message(&format!("m:{n}b"), other, "b", at)).await;
        assert_eq!(first.chat_id, second.chat_id);
        // The answer goes to the form that the provider used last.
        rig.send(&admin(), first.chat_id, "Hola", "").await.unwrap();
        let requested: Vec<OutboundRequested> = rig.announced("outbound.requested").await;
        assert_eq!(
            requested.last().unwrap().recipient,
            Some(identity(IdentityKind::WaPhone, other))
        );
    }
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn ids_of_a_provider_account_mean_nothing_on_another_channel(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let on = |channel: i64, kind, value: &str, channel_type: &str| {
        let key = format!("m:{channel}-{channel_type}");
        let mut event = message_of(&key, vec![identity(kind, value)], "Hola", rig.clock.now());
        event.channel_id = channel;
        event.channel_type = channel_type.into();
        event
    };
    rig.take(on(20, IdentityKind::Psid, "777", "messenger"))
        .await;
    rig.take(on(21, IdentityKind::Psid, "777", "messenger"))
        .await;
    rig.take(on(22, IdentityKind::Telegram, "777", "telegram"))
        .await;
    assert_eq!(rig.count("guest").await, 3);
    // A number is the same person on both channels, with a chat on each.
    rig.take(on(
        CHANNEL,
        IdentityKind::WaPhone,
        "50688888888",
        "whatsappfb",
    ))
    .await;
    rig.take(on(24, IdentityKind::WaPhone, "50688888888", "whatsapp"))
        .await;
    assert_eq!(rig.count("guest").await, 4);
    assert_eq!(rig.list(&admin(), "").await.len(), 5);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn companies_do_not_share_guests(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.chat_of("50688888888").await;
    let mut theirs = message("m:t", "50688888888", "Hola", rig.clock.now());
    theirs.company_id = 4;
    theirs.channel_id = 40;
    rig.take(theirs).await;
    assert_eq!(rig.count("guest").await, 2);
    assert_eq!(rig.list(&user(Role::Admin, 9, 4, None), "").await.len(), 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn the_latest_name_a_guest_took_is_shown(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let now = rig.clock.now();
    let named = |key: &str, name: &str, minutes: i64| {
        let at = now - Duration::minutes(minutes);
        with(message(key, "50688888888", "Hola", at), |message| {
            message.profile_name = name.into();
        })
    };
    rig.take(named("m:0", "", 9)).await;
    assert_eq!(rig.list(&admin(), "").await[0].name, "50688888888");
    rig.take(named("m:1", "Nuevo", 1)).await;
    rig.take(named("m:2", "Viejo", 5)).await;
    rig.take(named("m:3", "", 0)).await;
    assert_eq!(rig.list(&admin(), "").await[0].name, "Nuevo");
}
