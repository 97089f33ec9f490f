//! Single sign-on.

use auth::{Caller, ClientCaller, CompanyId};
use chassis::{ErrorCode, Upstream, code::Refusal};
use proto::identity::v1::{
    AccessMode, AccessRequest, AccessResponse, RefreshAccessRequest,
    sso_service_client::SsoServiceClient,
};
use sqlx::PgPool;

use crate::rig::{PASSWORD, PLATFORM, Rig, answer, bound_client, platform_client};

fn service(rig: &Rig) -> SsoServiceClient<Upstream> {
    SsoServiceClient::new(rig.upstream.clone())
}

fn through(client: ClientCaller) -> Caller {
    Caller {
        client: Some(client),
        ..Caller::service("edge")
    }
}

fn normal(user: &str) -> AccessRequest {
    AccessRequest {
        product: "atencion".into(),
        user: user.into(),
        mode: AccessMode::Normal.into(),
        password: PASSWORD.into(),
        client_ip: "192.0.2.1".into(),
        ..AccessRequest::default()
    }
}

async fn access_as(
    rig: &Rig,
    by: &Caller,
    request: AccessRequest,
) -> Result<AccessResponse, Refusal> {
    let call = rig.call(by);
    answer(service(rig).access(call.request(request)).await)
}

async fn access(rig: &Rig, request: AccessRequest) -> Result<AccessResponse, Refusal> {
    access_as(rig, &through(platform_client()), request).await
}

async fn set_code(rig: &Rig, user: i64, code: &str) {
    sqlx::query("UPDATE identity.users SET code = $2 WHERE user_id = $1")
        .bind(user)
        .bind(code)
        .execute(&rig.pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_user_signs_in_by_address_or_code(pool: PgPool) {
    let rig = Rig::start(pool).await;
    set_code(&rig, 7, "AG-007").await;
    for user in [
        "agente1@atencion.test",
        "AGENTE1@atencion.test",
        "AG-007",
        " ag-007 ",
    ] {
        let signed_in = access(&rig, normal(user)).await.unwrap();
        let told = signed_in.user.unwrap();
        assert_eq!(told.user_id, 7, "{user}");
        assert_eq!(told.code, "AG-007");
        assert_eq!(told.email, "agente1@atencion.test");
        let admitted = rig.authenticate(PLATFORM, &signed_in.token).await.unwrap();
        assert_eq!(admitted.user.unwrap().user_id, 7);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn an_ambiguous_code_is_like_an_unknown_one(pool: PgPool) {
    let rig = Rig::start(pool).await;
    set_code(&rig, 7, "007").await;
    set_code(&rig, 16, "007").await;
    let unknown = access(&rig, normal("008")).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::Unauthenticated);
    let ambiguous = access(&rig, normal("007")).await.unwrap_err();
    assert_eq!(ambiguous, unknown);
    for user in ["a\0b".to_owned(), "x".repeat(100_000)] {
        assert_eq!(access(&rig, normal(&user)).await.unwrap_err(), unknown);
    }
    let empty_codes = access(&rig, normal("%")).await.unwrap_err();
    assert_eq!(empty_codes, unknown);

    // The client of a company means a user of that company.
    let of_3 = access_as(&rig, &through(bound_client()), normal("007")).await;
    assert_eq!(of_3.unwrap().user.unwrap().user_id, 7);
    let company_4 = ClientCaller {
        company: Some(CompanyId(4)),
        ..bound_client()
    };
    let of_4 = access_as(&rig, &through(company_4), normal("007")).await;
    assert_eq!(of_4.unwrap().user.unwrap().user_id, 16);
    set_code(&rig, 16, "").await;
    let alone = access(&rig, normal("007")).await.unwrap();
    assert_eq!(alone.user.unwrap().user_id, 7);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_wrong_password_opens_nothing(pool: PgPool) {
    let rig = Rig::start(pool).await;
    set_code(&rig, 7, "007").await;
    for user in ["agente1@atencion.test", "007"] {
        let request = AccessRequest {
            password: "wrong".into(),
            ..normal(user)
        };
        let refused = access(&rig, request).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unauthenticated);
    }
    let nobody = access_as(&rig, &Caller::service("edge"), normal("007")).await;
    assert_eq!(nobody.unwrap_err().code, ErrorCode::PermissionDenied);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn only_active_products_are_known(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let product = async |product: &str| {
        let request = AccessRequest {
            product: product.into(),
            ..normal("agente1@atencion.test")
        };
        access(&rig, request).await
    };
    assert!(product("atencion").await.is_ok());
    let long = "x".repeat(100_000);
    for unknown in ["", "otro", "Atencion", "a\0b", &long] {
        let refused = product(unknown).await.unwrap_err();
        let expected = ("product".to_owned(), "NOT_REGISTERED".to_owned());
        assert_eq!(refused.fields, [expected]);
    }
    sqlx::query("UPDATE identity.sso_product SET active = false")
        .execute(&rig.pool)
        .await
        .unwrap();
    assert_eq!(
        product("atencion").await.unwrap_err().fields[0].0,
        "product"
    );
    let call = rig.call(&through(platform_client()));
    let request = RefreshAccessRequest {
        product: "atencion".into(),
        token: "forged".into(),
    };
    let refused = answer(service(&rig).refresh_access(call.request(request)).await);
    assert_eq!(refused.unwrap_err().fields[0].0, "product");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_mode_says_what_is_needed(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let pin = |pin: &str, device_id| AccessRequest {
        mode: AccessMode::Pin.into(),
        pin: pin.into(),
        device_id,
        ..normal("agente1@atencion.test")
    };
    for (request, fields) in [
        (normal(" "), vec!["usuario"]),
        (
            AccessRequest {
                password: String::new(),
                ..normal("007")
            },
            vec!["password"],
        ),
        (
            AccessRequest {
                mode: AccessMode::Unspecified.into(),
                ..normal("007")
            },
            vec!["modo"],
        ),
        (pin("", 99), vec!["pin"]),
        (pin("12a4", 99), vec!["pin"]),
        (pin("1234567890123", 99), vec!["pin"]),
        (pin("482915", 0), vec!["id_device"]),
        (pin("482915", -1), vec!["id_device"]),
    ] {
        let refused = access(&rig, request).await.unwrap_err();
        let mut named: Vec<_> = refused.fields.into_iter().map(|(field, _)| field).collect();
        named.dedup();
        assert_eq!(named, fields);
    }
}
