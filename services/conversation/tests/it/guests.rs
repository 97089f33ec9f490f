//! Registering guests and finding them again.

use auth::{Authority, Caller, Role};
use chassis::{ErrorCode, code::Refusal};
use proto::conversation::v1::{
    GetGuestByPhoneRequest, GetGuestByPhoneResponse, StoreGuestRequest, StoreGuestResponse,
};
use sqlx::PgPool;

use crate::rig::{COMPANY, Rig, admin, answer, client, message, user, with};

async fn store(
    rig: &Rig,
    caller: &Caller,
    name: &str,
    phone: &str,
    email: &str,
) -> Result<StoreGuestResponse, Refusal> {
    let company = caller.home_company().map_or(0, |company| company.0);
    let request = StoreGuestRequest {
        company_id: company,
        name: name.into(),
        email: email.into(),
        phone: phone.into(),
        idempotency_key: String::new(),
    };
    let call = rig.call(caller);
    answer(rig.guests().store_guest(call.request(request)).await)
}

async fn find(rig: &Rig, caller: &Caller, phone: &str) -> Result<GetGuestByPhoneResponse, Refusal> {
    let request = GetGuestByPhoneRequest {
        phone: phone.into(),
        company_id: 0,
    };
    let call = rig.call(caller);
    answer(rig.guests().get_guest_by_phone(call.request(request)).await)
}

fn platform() -> Caller {
    client(Authority::Platform, COMPANY)
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn one_number_is_one_guest_however_it_is_written(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let first = store(
        &rig,
        &platform(),
        "Cliente WAP",
        "+506 8888-8888",
        "cliente@correo.com",
    )
    .await
    .unwrap();
    let guest = first.guest.unwrap();
    assert_eq!(
        (&*guest.phone, &*guest.email),
        ("50688888888", "cliente@correo.com")
    );
    assert_eq!(guest.company_id, COMPANY);
    for phone in ["50688888888", "8888 8888", "00506-8888.8888"] {
        let again = store(&rig, &platform(), "Cliente WAP", phone, "")
            .await
            .unwrap();
        let found = again.guest.unwrap();
        assert_eq!(
            (found.guest_id, &found.email),
            (guest.guest_id, &guest.email)
        );
        assert_eq!(again.token, first.token);
    }
    rig.clock.advance(time::Duration::seconds(1));
    let renamed = store(&rig, &platform(), "Otro nombre", "88888888", "")
        .await
        .unwrap();
    assert_eq!(renamed.guest.unwrap().name, "Otro nombre");
    assert_eq!(rig.count("guest").await, 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn the_registered_name_stands_and_the_guest_is_recognised(pool: PgPool) {
    let rig = Rig::start(pool).await;
    store(&rig, &platform(), "Cliente WAP", "50688888888", "")
        .await
        .unwrap();
    let event = with(
        message("m:1", "50688888888", "Hola", rig.clock.now()),
        |message| message.profile_name = "~apodo~".into(),
    );
    rig.take(event).await;
    assert_eq!(rig.list(&admin(), "").await[0].name, "Cliente WAP");
    assert_eq!(rig.count("guest").await, 1);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_token_is_minted_again_and_stored_nowhere(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let stored = store(&rig, &platform(), "Cliente WAP", "50688888888", "")
        .await
        .unwrap();
    let found = find(&rig, &admin(), "8888-8888").await.unwrap();
    assert_eq!(found.token, stored.token);
    assert_eq!(found.guest, stored.guest);
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT to_jsonb(guest)::text FROM conversation.guest
         UNION ALL SELECT to_jsonb(i)::text FROM conversation.guest_identity AS i",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    assert!(
        rows.iter().all(|row| !row.contains(&stored.token)),
        "{rows:?}"
    );
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_guest_is_found_in_ones_own_company_only(pool: PgPool) {
    let rig = Rig::start(pool).await;
    store(&rig, &platform(), "Cliente WAP", "50688888888", "")
        .await
        .unwrap();
    let stranger = user(Role::Admin, 9, 4, None);
    for (caller, phone) in [
        (&stranger, "50688888888"),
        (&admin(), "50677777777"),
        (&admin(), "%"),
        (&admin(), ""),
    ] {
        let refused = find(&rig, caller, phone).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
    let request = GetGuestByPhoneRequest {
        phone: "50688888888".into(),
        company_id: COMPANY,
    };
    let call = rig.call(&stranger);
    let refused = answer(rig.guests().get_guest_by_phone(call.request(request)).await);
    assert_eq!(refused.unwrap_err().code, ErrorCode::NotFound);
    let request = StoreGuestRequest {
        company_id: COMPANY,
        name: "Intruso".into(),
        email: String::new(),
        phone: "50688888888".into(),
        idempotency_key: String::new(),
    };
    let call = rig.call(&client(Authority::Company, 4));
    let refused = answer(rig.guests().store_guest(call.request(request)).await);
    assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn every_wrong_field_is_named(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let refused = store(&rig, &platform(), " ", "", "nadie")
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    let fields: Vec<_> = refused
        .fields
        .iter()
        .map(|(field, reason)| (&**field, &**reason))
        .collect();
    assert_eq!(
        fields,
        [
            ("name", "REQUIRED"),
            ("email", "INVALID"),
            ("phone", "REQUIRED")
        ]
    );
    let long = "n".repeat(192);
    let refused = store(&rig, &platform(), &long, "123", "")
        .await
        .unwrap_err();
    let fields: Vec<_> = refused
        .fields
        .iter()
        .map(|(field, reason)| (&**field, &**reason))
        .collect();
    assert_eq!(fields, [("name", "TOO_LONG"), ("phone", "INVALID")]);
    for email in [
        "a@b",
        "@b.test",
        "a@@b.test",
        "a b@c.test",
        "a@.test",
        "a@b.",
    ] {
        let refused = store(&rig, &platform(), "Ana", "88888888", email)
            .await
            .unwrap_err();
        assert_eq!(refused.fields[0].0, "email", "{email}");
    }
    assert_eq!(rig.count("guest").await, 0);
}

#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_number_registered_many_times_at_once_is_one_guest(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let rig = std::sync::Arc::clone(&rig);
        calls.spawn(async move {
            let stored = store(&rig, &platform(), "Ana", "88888888", "")
                .await
                .unwrap();
            stored.guest.unwrap().guest_id
        });
    }
    let mut ids = calls.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

/// A front end registers guests of its own company before anybody has logged in,
/// and of no other.
#[sqlx::test(migrator = "conversation::MIGRATOR")]
async fn a_front_end_registers_guests_of_its_own_company(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let front_end = client(Authority::Delegated, COMPANY);
    let stored = store(&rig, &front_end, "Ana", "50688887777", "").await;
    assert_eq!(stored.unwrap().guest.unwrap().company_id, COMPANY);
    let request = StoreGuestRequest {
        company_id: COMPANY + 1,
        name: "Ana".into(),
        email: String::new(),
        phone: "50688887777".into(),
        idempotency_key: String::new(),
    };
    let call = rig.call(&front_end);
    let refused = answer(rig.guests().store_guest(call.request(request)).await);
    assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
}
