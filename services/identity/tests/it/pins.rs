//! PINs on enrolled devices.

use std::sync::Arc;

use auth::{Caller, UserId};
use chassis::{ErrorCode, code::Refusal};
use proto::identity::v1::{EnrolPinRequest, ListPinDevicesRequest, PinDevice, RemovePinRequest};
use sqlx::PgPool;
use time::Duration;

use crate::{
    callers::{address, events, login_by_pin, login_from, passwords, through, user_of},
    rig::{PASSWORD, PLATFORM, Rig, answer, bound_client, platform_client},
};

const AGENT: &str = "agente1@atencion.test";
const PIN: &str = "482915";
const DEVICE: i64 = 99;
const HOME: &str = "192.0.2.1";

async fn enrol(rig: &Rig, by: &Caller, user_id: i64, pin: &str) -> Result<PinDevice, Refusal> {
    let request = EnrolPinRequest {
        user_id,
        device_id: 5,
        pin: pin.to_owned(),
        name: "Telefono".to_owned(),
        idempotency_key: String::new(),
    };
    let call = rig.call(by);
    let answered = answer(passwords(rig).enrol_pin(call.request(request)).await)?;
    Ok(answered.device.unwrap())
}

async fn remove(rig: &Rig, by: &Caller, user_id: i64, device_id: i64) -> Result<bool, Refusal> {
    let request = RemovePinRequest { user_id, device_id };
    let call = rig.call(by);
    let answered = answer(passwords(rig).remove_pin(call.request(request)).await)?;
    Ok(answered.removed)
}

async fn devices(rig: &Rig, by: &Caller, user_id: i64) -> Result<Vec<PinDevice>, Refusal> {
    let call = rig.call(by);
    let request = call.request(ListPinDevicesRequest { user_id });
    Ok(answer(passwords(rig).list_pin_devices(request).await)?.devices)
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_pin_opens_a_session_of_its_device(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let login = login_by_pin(&rig, HOME, AGENT, PIN, DEVICE).await.unwrap();
    assert_eq!(login.user.unwrap().user_id, 7);
    rig.clock.advance(Duration::hours(48));
    let admitted = rig.authenticate(PLATFORM, &login.token).await;
    assert!(admitted.is_ok(), "sessions of devices last for long");
    let caller = user_of(&rig, &login.token).await;
    let shown = devices(&rig, &caller, 0).await.unwrap();
    assert_eq!(shown.len(), 1);
    assert!(shown[0].last_used_at.is_some() && !shown[0].locked);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn every_failed_pin_looks_the_same(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let wrong = login_by_pin(&rig, HOME, AGENT, "482916", DEVICE)
        .await
        .unwrap_err();
    assert_eq!(
        (wrong.code, wrong.reason.as_str()),
        (ErrorCode::Unauthenticated, "LOGIN_CREDENTIALS")
    );
    for (email, pin, device) in [
        (AGENT, PIN, 98),
        (AGENT, PIN, 0),
        (AGENT, PIN, -1),
        (AGENT, "", DEVICE),
        (AGENT, "48291", DEVICE),
        (AGENT, "４８２９１５", DEVICE),
        (AGENT, PASSWORD, DEVICE),
        ("juan@empresa.com", PIN, DEVICE),
        ("nobody@atencion.test", PIN, DEVICE),
        ("", PIN, DEVICE),
    ] {
        rig.clock.advance(Duration::minutes(20));
        let refused = login_by_pin(&rig, HOME, email, pin, device).await;
        assert_eq!(refused.unwrap_err(), wrong, "{email} {pin} {device}");
    }
    sqlx::query("UPDATE identity.users SET active = false WHERE user_id = 7")
        .execute(&rig.pool)
        .await
        .unwrap();
    rig.clock.advance(Duration::minutes(20));
    let inactive = login_by_pin(&rig, HOME, AGENT, PIN, DEVICE).await;
    assert_eq!(inactive.unwrap_err(), wrong);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn five_wrong_pins_switch_a_device_off_until_a_login_by_password(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for guess in 0..4 {
        let wrong = login_by_pin(&rig, &address(guess), AGENT, "482916", DEVICE).await;
        assert!(wrong.is_err());
    }
    // A right one begins anew.
    assert!(login_by_pin(&rig, HOME, AGENT, PIN, DEVICE).await.is_ok());
    for guess in 10..15 {
        let wrong = login_by_pin(&rig, &address(guess), AGENT, "482916", DEVICE).await;
        assert!(wrong.is_err());
    }
    let off = login_by_pin(&rig, HOME, AGENT, PIN, DEVICE)
        .await
        .unwrap_err();
    assert_eq!(off.reason, "LOGIN_CREDENTIALS");
    assert_eq!(events(&rig, "pin.locked").await, 1);
    let admin = through(platform_client());
    assert!(devices(&rig, &admin, 7).await.unwrap()[0].locked);
    rig.clock.advance(Duration::days(3));
    assert!(login_by_pin(&rig, HOME, AGENT, PIN, DEVICE).await.is_err());
    assert!(login_from(&rig, HOME, AGENT, PASSWORD, 0).await.is_ok());
    assert!(!devices(&rig, &admin, 7).await.unwrap()[0].locked);
    assert!(login_by_pin(&rig, HOME, AGENT, PIN, DEVICE).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn five_wrong_pins_at_once_are_five(pool: PgPool) {
    let rig = Arc::new(Rig::start(pool).await);
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..20 {
        let rig = Arc::clone(&rig);
        guesses.spawn(
            async move { login_by_pin(&rig, &address(guess), AGENT, "482916", DEVICE).await },
        );
    }
    assert!(guesses.join_all().await.iter().all(Result::is_err));
    let failures: i16 = sqlx::query_scalar(
        "SELECT failures FROM identity.pin_device WHERE user_id = 7 AND device_id = 99",
    )
    .fetch_one(&rig.pool)
    .await
    .unwrap();
    assert_eq!(failures, 5, "no more than five were judged");
    assert_eq!(events(&rig, "pin.locked").await, 1);
    assert!(login_by_pin(&rig, HOME, AGENT, PIN, DEVICE).await.is_err());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_device_is_enrolled_soon_after_a_login(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let token = rig.token_of("juan@empresa.com").await;
    let juan = user_of(&rig, &token).await;
    for (pin, reason) in [
        ("123456", "TRIVIAL"),
        ("1212", "TRIVIAL"),
        ("482", "FORMAT"),
        ("48291a", "FORMAT"),
    ] {
        let refused = enrol(&rig, &juan, 0, pin).await.unwrap_err();
        assert_eq!(
            refused.fields,
            [("pin".to_owned(), reason.to_owned())],
            "{pin}"
        );
    }
    let device = enrol(&rig, &juan, 0, "730164").await.unwrap();
    assert_eq!((device.device_id, device.name.as_str()), (5, "Telefono"));
    assert!(
        login_by_pin(&rig, HOME, "juan@empresa.com", "730164", 5)
            .await
            .is_ok()
    );
    // A new one takes the place of the old one.
    enrol(&rig, &juan, 0, "7301").await.unwrap();
    assert!(
        login_by_pin(&rig, HOME, "juan@empresa.com", "730164", 5)
            .await
            .is_err()
    );
    assert!(
        login_by_pin(&rig, HOME, "juan@empresa.com", "7301", 5)
            .await
            .is_ok()
    );
    rig.clock.advance(Duration::minutes(6));
    let late = enrol(&rig, &juan, 0, "730164").await.unwrap_err();
    assert_eq!(late.reason, "SESSION_NOT_FRESH");
    assert_eq!(events(&rig, "pin.enrolled").await, 2);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn nobody_touches_devices_that_are_none_of_theirs(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let agent = user_of(&rig, &rig.token_of(AGENT).await).await;
    let admin = user_of(&rig, &rig.token_of("admin@atencion.test").await).await;
    let other = user_of(&rig, &rig.token_of("admin@otra.test").await).await;
    for (by, user) in [
        (&agent, 15),
        (&admin, 1),
        (&admin, 16),
        (&other, 7),
        (&admin, 12_345),
    ] {
        let id = by.user.as_ref().map(|user| user.id);
        let refused = enrol(&rig, by, user, "730164").await.unwrap_err();
        assert_eq!(refused.reason, "USER", "{id:?} {user}");
        let refused = remove(&rig, by, user, DEVICE).await.unwrap_err();
        assert_eq!(refused.reason, "USER", "{id:?} {user}");
        assert!(devices(&rig, by, user).await.is_err(), "{id:?} {user}");
    }
    assert!(devices(&rig, &through(bound_client()), 16).await.is_err());
    let nobody = devices(&rig, &through(platform_client()), 0).await;
    assert_eq!(nobody.unwrap_err().reason, "BEARER_TOKEN");
    let service = devices(&rig, &Caller::service("conversation"), 7).await;
    assert_eq!(service.unwrap_err().code, ErrorCode::PermissionDenied);
    assert_eq!(devices(&rig, &admin, 7).await.unwrap().len(), 1);
    assert_eq!(agent.user.unwrap().id, UserId(7));
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_removed_device_is_out(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let on_device = login_by_pin(&rig, HOME, AGENT, PIN, DEVICE)
        .await
        .unwrap()
        .token;
    let elsewhere = rig.token_of(AGENT).await;
    let agent = user_of(&rig, &elsewhere).await;
    assert!(remove(&rig, &agent, 0, DEVICE).await.unwrap());
    assert!(!remove(&rig, &agent, 0, DEVICE).await.unwrap());
    assert_eq!(rig.refused(PLATFORM, &on_device).await, "BEARER_TOKEN");
    assert!(rig.authenticate(PLATFORM, &elsewhere).await.is_ok());
    assert!(login_by_pin(&rig, HOME, AGENT, PIN, DEVICE).await.is_err());
    assert_eq!(devices(&rig, &agent, 0).await.unwrap(), []);
    assert_eq!(events(&rig, "pin.removed").await, 1);
}
