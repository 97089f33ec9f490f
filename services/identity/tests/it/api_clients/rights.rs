//! Who manages API clients, and what they may hand out.

use auth::{Authority, Caller, ClientCaller, CompanyId, Role, SessionId, UserCaller, UserId};
use chassis::ErrorCode;
use proto::identity::v1::{CreateApiClientRequest, ListApiClientsRequest};
use sqlx::PgPool;

use super::{create, new, rotate, service, through};
use crate::rig::{PLATFORM, Rig, answer, bound_client, platform_client};

fn behind(client: ClientCaller, role: Role) -> Caller {
    Caller {
        user: Some(UserCaller {
            id: UserId(1),
            name: String::new(),
            role,
            company: CompanyId(3),
            department: None,
            session: SessionId(uuid::Uuid::nil()),
        }),
        ..through(client)
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn nobody_but_super_principals_manages_clients(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let delegated = ClientCaller {
        authority: Authority::Delegated,
        ..platform_client()
    };
    let list = async |caller: &Caller| {
        let call = rig.call(caller);
        let request = ListApiClientsRequest::default();
        let mut service = service(&rig);
        answer(service.list_api_clients(call.request(request)).await).map(|answer| answer.clients)
    };
    for allowed in [
        Caller::service("edge"),
        through(platform_client()),
        behind(platform_client(), Role::Super),
        behind(delegated.clone(), Role::Super),
    ] {
        assert_eq!(list(&allowed).await.unwrap().len(), 2, "{allowed:?}");
    }
    for refused in [
        through(bound_client()),
        through(delegated.clone()),
        behind(bound_client(), Role::Super),
        behind(platform_client(), Role::Admin),
        behind(delegated, Role::Chat),
        Caller::service("mail-ticket"),
    ] {
        let code = list(&refused).await.unwrap_err().code;
        assert_eq!(code, ErrorCode::PermissionDenied, "{refused:?}");
        let code = create(&rig, &refused, new("Nuevo")).await.unwrap_err().code;
        assert_eq!(code, ErrorCode::PermissionDenied, "{refused:?}");
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_client_hands_out_no_more_than_it_has(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let with_scope = || CreateApiClientRequest {
        scopes: vec!["crm:read".into()],
        ..new("Nuevo")
    };
    // The caller of these tests has no scopes.
    let caller = through(platform_client());
    let refused = create(&rig, &caller, with_scope()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    // Client 1 has them, so its next secret is worth more than the caller.
    let refused = rotate(&rig, 1, 0).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    assert!(rig.authenticate(PLATFORM, "").await.is_ok());
    let holder = through(ClientCaller {
        scopes: vec!["crm:read".into()],
        ..platform_client()
    });
    assert!(create(&rig, &holder, with_scope()).await.is_ok());
}
