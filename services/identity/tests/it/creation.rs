//! Creating users.

use auth::Caller;
use chassis::ErrorCode;
use proto::identity::v1::{self as pb, CreateUserRequest, get_user_request::Selector};
use sqlx::PgPool;

use crate::{
    people::{
        NEW_PASSWORD, acting, ana, announced, bound, create, fields, find, platform, recorded, rig,
        update,
    },
    rig::Rig,
};

/// A creation with something else about it.
fn edited(email: &str, edit: impl FnOnce(&mut CreateUserRequest)) -> CreateUserRequest {
    let mut new = ana(email);
    edit(&mut new);
    new
}

fn huge() -> String {
    "x".repeat(1_000_000)
}

async fn count(rig: &Rig) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM identity.users")
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_new_user_is_announced_and_logs_in(pool: PgPool) {
    let rig = rig(pool).await;
    let made = create(&rig, &platform(), ana("Ana@Empresa.COM"))
        .await
        .unwrap();
    assert_eq!(made.email, "ana@empresa.com");
    assert_eq!((made.company_id, made.department_id), (3, 7));
    assert_eq!(made.code, "USR-001");
    assert_eq!(made.phone, "+506 8888-8888");
    assert!(made.active && !made.online && made.picture.is_none());
    assert_eq!(made.created_at, made.updated_at);
    let selector = Some(Selector::UserId(made.user_id));
    assert_eq!(find(&rig, &platform(), selector).await.unwrap(), made);
    assert!(rig.login("ana@empresa.com", NEW_PASSWORD).await.is_ok());
    let told = announced(&rig, made.user_id).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].name, "Ana Muñoz");
    assert_eq!((told[0].role, told[0].active), (3, true));
    assert_eq!(recorded(&rig, made.user_id).await[0], "user.created");

    let off = edited("off@empresa.com", |new| new.active = Some(false));
    let off = create(&rig, &platform(), off).await.unwrap();
    assert!(!off.active && !announced(&rig, off.user_id).await[0].active);
    assert!(rig.login("off@empresa.com", NEW_PASSWORD).await.is_err());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_wrong_field_is_named_and_nothing_is_made(pool: PgPool) {
    type Edit = fn(&mut CreateUserRequest);
    let rig = rig(pool).await;
    let before = count(&rig).await;
    let cases: [(Edit, &str, &str); 15] = [
        (|new| new.name.clear(), "name", "REQUIRED"),
        (|new| new.name = "a\0b".into(), "name", "FORMAT"),
        (|new| new.name = huge(), "name", "FORMAT"),
        (|new| new.code = huge(), "code", "FORMAT"),
        (|new| new.email = "no address".into(), "email", "FORMAT"),
        (|new| new.email.push_str(&huge()), "email", "FORMAT"),
        (|new| new.phone = huge(), "phone", "FORMAT"),
        (|new| new.role = 0, "type", "REQUIRED"),
        (|new| new.role = 9, "type", "REQUIRED"),
        (|new| new.company_id = 0, "company", "NOT_REGISTERED"),
        (|new| new.department_id = 0, "department", "REQUIRED"),
        (|new| new.department_id = 9, "department", "NOT_REGISTERED"),
        (|new| new.department_id = 77, "department", "NOT_REGISTERED"),
        (
            |new| new.staged_picture_id = "x".into(),
            "pic",
            "NOT_STAGED",
        ),
        (
            |new| new.idempotency_key = huge(),
            "Idempotency-Key",
            "INVALID",
        ),
    ];
    for (edit, field, why) in cases {
        let new = edited("new@empresa.com", edit);
        let refused = create(&rig, &platform(), new).await.unwrap_err();
        assert_eq!(fields(&refused), [(field, why)]);
    }
    for password in [String::new(), "short".to_owned(), huge()] {
        let new = edited("new@empresa.com", |new| new.password = password);
        let refused = create(&rig, &platform(), new).await.unwrap_err();
        assert_eq!(fields(&refused)[0].0, "password");
    }
    let foreign = edited("new@empresa.com", |new| {
        new.company_id = 4;
        new.department_id = 9;
    });
    let refused = create(&rig, &bound(), foreign).await.unwrap_err();
    assert_eq!(fields(&refused), [("company", "NOT_REGISTERED")]);
    assert_eq!(count(&rig).await, before);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn only_tenancy_admin_names_a_department_nobody_has_heard_of(pool: PgPool) {
    let rig = rig(pool).await;
    let tenancy = Caller::service("tenancy-admin");
    let first = edited("first@nueva.test", |new| {
        new.role = pb::Role::Admin.into();
        new.company_id = 50;
        new.department_id = 500;
    });
    let made = create(&rig, &tenancy, first).await.unwrap();
    assert_eq!((made.company_id, made.department_id), (50, 500));
    let wrong = edited("second@nueva.test", |new| new.department_id = 9);
    let refused = create(&rig, &tenancy, wrong).await.unwrap_err();
    assert_eq!(fields(&refused), [("department", "NOT_REGISTERED")]);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn an_address_belongs_to_one_user_however_many_ask_at_once(pool: PgPool) {
    let rig = rig(pool).await;
    let by = platform();
    let (a, b, c) = tokio::join!(
        create(&rig, &by, ana("ana@empresa.com")),
        create(&rig, &by, ana("ANA@empresa.com")),
        create(&rig, &by, ana("Ana@Empresa.com")),
    );
    let answers = [a, b, c];
    assert_eq!(answers.iter().filter(|made| made.is_ok()).count(), 1);
    for refused in answers.into_iter().filter_map(Result::err) {
        assert_eq!(refused.code, ErrorCode::AlreadyExists);
        assert_eq!(refused.reason, "EMAIL_TAKEN");
    }
    let taken = |change: &mut pb::UpdateUserRequest| {
        change.email = Some("Juan@Empresa.com".to_owned());
    };
    let refused = update(&rig, &by, 7, taken).await.unwrap_err();
    assert_eq!(refused.reason, "EMAIL_TAKEN");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_repeated_creation_answers_the_first_user(pool: PgPool) {
    type Edit = fn(&mut CreateUserRequest);
    let rig = rig(pool).await;
    let tenancy = Caller::service("tenancy-admin");
    let new = || {
        edited("first@empresa.com", |new| {
            new.role = pb::Role::Admin.into();
            new.idempotency_key = "company-50".into();
        })
    };
    let (a, b) = tokio::join!(create(&rig, &tenancy, new()), create(&rig, &tenancy, new()));
    let made = a.unwrap();
    assert_eq!(made, b.unwrap());
    assert_eq!(create(&rig, &tenancy, new()).await.unwrap(), made);
    assert_eq!(announced(&rig, made.user_id).await.len(), 1);
    let others: [Edit; 3] = [
        |new| new.name = "Other".into(),
        |new| new.password.push('!'),
        |new| new.email = "other@empresa.com".into(),
    ];
    for other in others {
        let mut changed = new();
        other(&mut changed);
        let refused = create(&rig, &tenancy, changed).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::AlreadyExists);
        assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
    }
    // A key is its caller's own.
    let refused = create(&rig, &platform(), new()).await.unwrap_err();
    assert_eq!(refused.reason, "EMAIL_TAKEN");
    let key = |key: &str| Some(Selector::IdempotencyKey(key.to_owned()));
    let found = find(&rig, &tenancy, key("company-50")).await.unwrap();
    assert_eq!(found, made);
    let other = Caller::service("mail-ticket");
    for (by, key) in [(&other, key("company-50")), (&tenancy, key("company-51\0"))] {
        let missing = find(&rig, by, key).await.unwrap_err();
        assert_eq!(missing.code, ErrorCode::NotFound);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn only_services_find_users_by_address_or_key(pool: PgPool) {
    let rig = rig(pool).await;
    let email = || Selector::Email("JUAN@empresa.com".into());
    let service = Caller::service("mail-ticket");
    let found = find(&rig, &service, Some(email())).await.unwrap();
    assert_eq!(found.user_id, 15);
    let root = acting(&rig, "super@atencion.test").await;
    for selector in [email(), Selector::IdempotencyKey("k".into())] {
        let refused = find(&rig, &root, Some(selector)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::PermissionDenied);
    }
    let agent = acting(&rig, "agente1@atencion.test").await;
    assert_eq!(find(&rig, &agent, None).await.unwrap().user_id, 7);
    let nobody = find(&rig, &platform(), None).await.unwrap_err();
    assert_eq!(fields(&nobody), [("id", "REQUIRED")]);
}
