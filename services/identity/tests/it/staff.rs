//! The staff of the operator.

use auth::{Authority, Caller, ClientCaller, CompanyId, Role, SessionId, UserCaller, UserId};
use chassis::{ErrorCode, Upstream, code::Refusal};
use proto::identity::v1::{
    BindSynologyIdRequest, BindSynologyIdResponse, FindInternalUsersRequest, InternalUser,
    internal_user_service_client::InternalUserServiceClient,
};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rig::{Rig, answer, bound_client, platform_client};

fn service(rig: &Rig) -> InternalUserServiceClient<Upstream> {
    InternalUserServiceClient::new(rig.upstream.clone())
}

fn reader(mut client: ClientCaller) -> Caller {
    client.scopes = vec!["crm:read".into()];
    Caller {
        client: Some(client),
        ..Caller::service("edge")
    }
}

fn behind(caller: Caller, role: Role) -> Caller {
    Caller {
        user: Some(UserCaller {
            id: UserId(7),
            name: String::new(),
            role,
            company: CompanyId(3),
            department: None,
            session: SessionId(uuid::Uuid::nil()),
        }),
        ..caller
    }
}

fn of_login(login: &str) -> FindInternalUsersRequest {
    FindInternalUsersRequest {
        login: Some(login.into()),
        ..FindInternalUsersRequest::default()
    }
}

async fn find(
    rig: &Rig,
    by: &Caller,
    request: FindInternalUsersRequest,
) -> Result<Vec<InternalUser>, Refusal> {
    let call = rig.call(by);
    let answered = answer(
        service(rig)
            .find_internal_users(call.request(request))
            .await,
    );
    answered.map(|answer| answer.users)
}

async fn bind(rig: &Rig, login: &str, id: i64) -> Result<BindSynologyIdResponse, Refusal> {
    let call = rig.call(&Caller::service("mail-ticket"));
    let request = BindSynologyIdRequest {
        login: login.into(),
        synology_id: id,
    };
    answer(service(rig).bind_synology_id(call.request(request)).await)
}

/// Adds a member of the staff.
async fn hire(rig: &Rig, login: &str, status: &str, synology_id: Option<i64>) {
    sqlx::query(
        "INSERT INTO identity.internal_user
             (login, name, user_type, status, username, email, department_id, role_id, role,
              synology_id)
         VALUES ($1, $1, 'operador', $2, $1, $1 || '@example.com', 1, 21, 'desarrollo', $3)",
    )
    .bind(login)
    .bind(status)
    .bind(synology_id)
    .execute(&rig.pool)
    .await
    .unwrap();
}

async fn events(rig: &Rig, kind: &str) -> Vec<Value> {
    sqlx::query_scalar("SELECT details FROM identity.security_event WHERE kind = $1 ORDER BY id")
        .bind(kind)
        .fetch_all(&rig.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn every_filter_counts_and_every_reading_is_noted(pool: PgPool) {
    let rig = Rig::start(pool).await;
    hire(&rig, "operador2", "ACTIVO", None).await;
    let by = reader(platform_client());
    let found = find(&rig, &by, of_login("DNUNEZ")).await.unwrap();
    assert_eq!(found.len(), 1);
    let user = &found[0];
    assert_eq!(
        (
            user.internal_user_id,
            user.extension.as_str(),
            user.synology_id
        ),
        (2462, " 151", Some(120))
    );
    assert_eq!(user.systems.len(), 5);

    let of_department = FindInternalUsersRequest {
        department_id: Some(1),
        ..FindInternalUsersRequest::default()
    };
    let found = find(&rig, &by, of_department.clone()).await.unwrap();
    let logins: Vec<_> = found.iter().map(|user| user.login.as_str()).collect();
    assert_eq!(logins, ["dnunez", "operador2"]);
    let both = FindInternalUsersRequest {
        email: Some("Operador2@example.com".into()),
        ..of_department
    };
    assert_eq!(find(&rig, &by, both.clone()).await.unwrap().len(), 1);
    let contradiction = FindInternalUsersRequest {
        login: Some("dnunez".into()),
        ..both
    };
    assert!(find(&rig, &by, contradiction).await.unwrap().is_empty());

    let noted = events(&rig, "internal_user.read").await;
    assert_eq!(
        noted,
        [
            json!({"rows": 1, "filters": ["login"]}),
            json!({"rows": 2, "filters": ["department"]}),
            json!({"rows": 1, "filters": ["email", "department"]}),
            json!({"rows": 0, "filters": ["login", "email", "department"]}),
        ]
    );
    let by_client: Vec<Option<i64>> = sqlx::query_scalar(
        "SELECT by_client_id FROM identity.security_event WHERE kind = 'internal_user.read'",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    assert_eq!(by_client, [Some(1); 4]);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_staff_is_shown_to_holders_of_the_scope_alone(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let delegated = ClientCaller {
        authority: Authority::Delegated,
        ..platform_client()
    };
    let without = Caller {
        client: Some(platform_client()),
        ..Caller::service("edge")
    };
    for (caller, may) in [
        (reader(platform_client()), true),
        (reader(bound_client()), true),
        (behind(reader(platform_client()), Role::Super), true),
        (behind(reader(delegated.clone()), Role::Super), true),
        (behind(reader(platform_client()), Role::Admin), false),
        (behind(reader(delegated), Role::Chat), false),
        (behind(without.clone(), Role::Super), false),
        (without, false),
        (Caller::service("edge"), false),
        (Caller::service("mail-ticket"), false),
    ] {
        let answer = find(&rig, &caller, of_login("dnunez")).await;
        match answer {
            Ok(users) => assert!(may && users.len() == 1, "{caller:?}"),
            Err(refusal) => {
                assert!(!may, "{caller:?}");
                assert_eq!(refusal.code, ErrorCode::PermissionDenied);
            }
        }
    }
    assert_eq!(events(&rig, "internal_user.read").await.len(), 4);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn unfit_filters_are_named(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let by = reader(platform_client());
    let none = find(&rig, &by, FindInternalUsersRequest::default()).await;
    let expected = ("user".to_owned(), "REQUIRED".to_owned());
    assert_eq!(none.unwrap_err().fields, [expected]);
    for login in ["x".repeat(100_000), "a\0b".to_owned()] {
        let refused = find(&rig, &by, of_login(&login)).await.unwrap_err();
        assert_eq!(refused.fields[0].0, "user");
    }
    let nobody = find(&rig, &by, of_login("")).await.unwrap();
    assert!(nobody.is_empty());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_synology_id_belongs_to_one_active_user(pool: PgPool) {
    let rig = Rig::start(pool).await;
    hire(&rig, "operador2", "ACTIVO", None).await;
    hire(&rig, "antiguo", "INACTIVO", Some(300)).await;

    let same = bind(&rig, "DNUNEZ", 120).await.unwrap();
    assert!(!same.changed);
    assert_eq!(same.user.unwrap().login, "dnunez");
    let taken = bind(&rig, "operador2", 120).await.unwrap_err();
    assert_eq!(
        (taken.code, taken.reason.as_str()),
        (ErrorCode::AlreadyExists, "SYNOLOGY_ID_TAKEN")
    );
    let moved = bind(&rig, "operador2", 300).await.unwrap();
    assert!(moved.changed);
    assert_eq!(moved.user.unwrap().synology_id, Some(300));
    let by = reader(platform_client());
    let former = find(&rig, &by, of_login("antiguo")).await.unwrap();
    assert_eq!(former[0].synology_id, None);
    let other = bind(&rig, "operador2", 301).await.unwrap();
    assert_eq!(other.user.unwrap().synology_id, Some(301));

    for nobody in ["nadie", "antiguo", "a\0b", ""] {
        let refused = bind(&rig, nobody, 400).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound, "{nobody:?}");
    }
    let refused = bind(&rig, "dnunez", 0).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    let noted = events(&rig, "internal_user.synology_bound").await;
    assert_eq!(noted.len(), 2, "{noted:?}");

    let call = rig.call(&reader(platform_client()));
    let request = BindSynologyIdRequest {
        login: "dnunez".into(),
        synology_id: 5,
    };
    let refused = answer(service(&rig).bind_synology_id(call.request(request)).await);
    assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn of_two_who_bind_one_id_at_once_one_gets_it(pool: PgPool) {
    let rig = Rig::start(pool).await;
    hire(&rig, "operador2", "ACTIVO", None).await;
    hire(&rig, "operador3", "ACTIVO", None).await;
    let (a, b) = tokio::join!(bind(&rig, "operador2", 500), bind(&rig, "operador3", 500));
    let refused = match (a, b) {
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
        both => panic!("{both:?}"),
    };
    assert_eq!(refused.reason, "SYNOLOGY_ID_TAKEN");
}
