//! Changing users, and what that ends.

use chassis::ErrorCode;
use proto::identity::v1::{
    self as pb, UpdateUserRequest, UpdateUserStatusRequest, get_user_request::Selector,
};
use sqlx::PgPool;
use time::Duration;

use crate::{
    people::{
        NEW_PASSWORD, acting, announced, fields, find, platform, recorded, revoked, rig, update,
    },
    rig::{PASSWORD, PLATFORM, answer},
};

type Edit = fn(&mut UpdateUserRequest);

const AGENT: &str = "agente1@atencion.test";
const ADMIN: &str = "admin@atencion.test";

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn agents_change_what_is_theirs_and_may_repeat_the_rest(pool: PgPool) {
    let rig = rig(pool).await;
    let agent = acting(&rig, AGENT).await;
    let own: Edit = |change| {
        change.name = Some("Agente Uno".into());
        change.phone = Some("8888".into());
        change.online = Some(true);
        // As they are already: no change.
        change.email = Some("AGENTE1@atencion.test".into());
        change.role = Some(pb::Role::Chat.into());
        change.active = Some(true);
        change.company_id = Some(3);
        change.department_id = Some(7);
    };
    rig.clock.advance(Duration::seconds(1));
    let (user, changed) = update(&rig, &agent, 7, own).await.unwrap();
    assert!(changed && user.online && user.updated_at != user.created_at);
    assert_eq!(user.name, "Agente Uno");
    assert_eq!(user.phone, "8888");
    assert!(!update(&rig, &agent, 7, own).await.unwrap().1);
    assert_eq!(announced(&rig, 7).await.last().unwrap().name, "Agente Uno");
    let more: Edit = |change| {
        change.name = Some("Agente Dos".into());
        change.role = Some(pb::Role::Admin.into());
    };
    let refused = update(&rig, &agent, 7, more).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    let selector = Some(Selector::UserId(7));
    let stays = find(&rig, &agent, selector).await.unwrap();
    assert_eq!(stays.name, "Agente Uno", "half of a refused change");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_own_password_needs_a_fresh_login(pool: PgPool) {
    let rig = rig(pool).await;
    let agent = acting(&rig, AGENT).await;
    let new: Edit = |change| change.password = Some(NEW_PASSWORD.to_owned());
    rig.clock.advance(Duration::minutes(6));
    let late = update(&rig, &agent, 7, new).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::FailedPrecondition);
    assert_eq!(late.reason, "SESSION_NOT_FRESH");
    assert!(rig.login(AGENT, PASSWORD).await.is_ok());

    let agent = acting(&rig, AGENT).await;
    let token = rig.token_of(AGENT).await;
    rig.clock.advance(Duration::minutes(4));
    assert!(update(&rig, &agent, 7, new).await.unwrap().1);
    assert_eq!(rig.refused(PLATFORM, &token).await, "BEARER_TOKEN");
    assert!(rig.login(AGENT, PASSWORD).await.is_err());
    assert!(rig.login(AGENT, NEW_PASSWORD).await.is_ok());
    let events = recorded(&rig, 7).await;
    assert!(events.contains(&"password.changed".to_owned()));

    // Somebody else's, an admin changes at any time.
    let admin = acting(&rig, ADMIN).await;
    rig.clock.advance(Duration::minutes(30));
    assert!(update(&rig, &admin, 7, new).await.unwrap().1);
    let short: Edit = |change| change.password = Some("short".to_owned());
    let short = update(&rig, &admin, 7, short).await.unwrap_err();
    assert_eq!(fields(&short)[0].0, "password");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn what_a_change_takes_away_ends_the_sessions_at_once(pool: PgPool) {
    let rig = rig(pool).await;
    let by = platform();
    let cases: [(Edit, bool, Option<&str>); 7] = [
        (|change| change.phone = Some("1".into()), false, None),
        (|change| change.online = Some(true), false, None),
        (
            |change| change.name = Some("A".into()),
            false,
            Some("changed_user"),
        ),
        (
            |change| change.department_id = Some(8),
            false,
            Some("changed_user"),
        ),
        (
            |change| {
                change.company_id = Some(4);
                change.department_id = Some(9);
            },
            false,
            Some("changed_user"),
        ),
        (
            |change| change.role = Some(pb::Role::Admin.into()),
            true,
            Some("user"),
        ),
        (|change| change.active = Some(false), true, Some("user")),
    ];
    for (nth, (edit, ends, kind)) in cases.into_iter().enumerate() {
        let token = rig.token_of(AGENT).await;
        let before = revoked(&rig, 7).await.len();
        assert!(update(&rig, &by, 7, edit).await.unwrap().1, "{nth}");
        let ended = rig.authenticate(PLATFORM, &token).await.is_err();
        assert_eq!(ended, ends, "{nth}");
        let revoked = revoked(&rig, 7).await;
        assert_eq!(revoked.get(before).map(String::as_str), kind, "{nth}");
    }
    let told = announced(&rig, 7).await;
    let last = told.last().unwrap();
    assert_eq!((last.company_id, last.role, last.active), (4, 2, false));
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_company_comes_with_one_of_its_departments(pool: PgPool) {
    let rig = rig(pool).await;
    let cases: [(Edit, &str); 4] = [
        (|change| change.company_id = Some(4), "REQUIRED"),
        (
            |change| {
                change.company_id = Some(4);
                change.department_id = Some(7);
            },
            "NOT_REGISTERED",
        ),
        (|change| change.department_id = Some(9), "NOT_REGISTERED"),
        (|change| change.department_id = Some(0), "NOT_REGISTERED"),
    ];
    for (edit, why) in cases {
        let refused = update(&rig, &platform(), 7, edit).await.unwrap_err();
        assert_eq!(fields(&refused), [("department", why)]);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn admins_neither_switch_themselves_off_nor_make_super_users(pool: PgPool) {
    let rig = rig(pool).await;
    let admin = acting(&rig, ADMIN).await;
    let off: Edit = |change| change.active = Some(false);
    let raise: Edit = |change| change.role = Some(pb::Role::Super.into());
    for (user, edit) in [(2, off), (2, raise), (15, raise)] {
        let refused = update(&rig, &admin, user, edit).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::PermissionDenied);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn switching_off_waits_for_every_replica_even_when_repeated(pool: PgPool) {
    let rig = rig(pool).await;
    let call = rig.call(&platform());
    for changed in [true, false] {
        sqlx::query(
            "INSERT INTO identity.revocation_lease (lease_id, replica, applied, expires_at)
             VALUES (gen_random_uuid(), 'slow', 0, now() + interval '1 second')",
        )
        .execute(&rig.pool)
        .await
        .unwrap();
        let off = call.request(UpdateUserStatusRequest {
            user_id: 15,
            active: false,
        });
        let answered = answer(rig.users().update_user_status(off).await).unwrap();
        assert_eq!(answered.changed, changed);
        assert!(!answered.user.unwrap().active);
        let behind: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM identity.revocation_lease WHERE expires_at > now())",
        )
        .fetch_one(&rig.pool)
        .await
        .unwrap();
        assert!(!behind, "answered before a replica knew");
    }
    assert_eq!(recorded(&rig, 15).await, ["user.disabled"]);
    let on = call.request(UpdateUserStatusRequest {
        user_id: 15,
        active: true,
    });
    let answered = answer(rig.users().update_user_status(on).await).unwrap();
    assert!(answered.changed && answered.user.unwrap().active);
    assert!(rig.login("juan@empresa.com", PASSWORD).await.is_ok());
}
