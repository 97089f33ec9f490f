//! The register of API clients.

mod rights;

use auth::{Caller, ClientCaller};
use chassis::{ErrorCode, Upstream, code::Refusal};
use proto::{
    common::v1::PageRequest,
    identity::v1::{
        self as pb, ApiClientLimits, CreateApiClientRequest, CreateApiClientResponse,
        DisableApiClientRequest, GetApiClientRequest, ListApiClientsRequest,
        RotateApiClientSecretRequest, RotateApiClientSecretResponse,
        api_client_service_client::ApiClientServiceClient,
    },
};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::rig::{PASSWORD, PLATFORM, Rig, answer, bound_client, platform_client};

fn service(rig: &Rig) -> ApiClientServiceClient<Upstream> {
    ApiClientServiceClient::new(rig.upstream.clone())
}

fn through(client: ClientCaller) -> Caller {
    Caller {
        client: Some(client),
        ..Caller::service("edge")
    }
}

fn new(consumo: &str) -> CreateApiClientRequest {
    CreateApiClientRequest {
        consumo: consumo.into(),
        name: "Nuevo".into(),
        authority: pb::Authority::Company.into(),
        company_id: 3,
        ..CreateApiClientRequest::default()
    }
}

async fn create(
    rig: &Rig,
    by: &Caller,
    request: CreateApiClientRequest,
) -> Result<CreateApiClientResponse, Refusal> {
    let call = rig.call(by);
    answer(service(rig).create_api_client(call.request(request)).await)
}

async fn rotate(
    rig: &Rig,
    client_id: i64,
    grace_seconds: u32,
) -> Result<RotateApiClientSecretResponse, Refusal> {
    let call = rig.call(&through(platform_client()));
    let request = RotateApiClientSecretRequest {
        client_id,
        grace_seconds,
    };
    let mut service = service(rig);
    answer(
        service
            .rotate_api_client_secret(call.request(request))
            .await,
    )
}

async fn disable(rig: &Rig, client_id: i64) -> Result<bool, Refusal> {
    let call = rig.call(&through(platform_client()));
    let request = DisableApiClientRequest { client_id };
    let mut service = service(rig);
    let answered = answer(service.disable_api_client(call.request(request)).await);
    answered.map(|answer| answer.changed)
}

async fn get(rig: &Rig, client_id: i64) -> Result<pb::ApiClient, Refusal> {
    let call = rig.call(&Caller::service("edge"));
    let request = GetApiClientRequest { client_id };
    let answered = answer(service(rig).get_api_client(call.request(request)).await);
    answered.map(|answer| answer.client.unwrap())
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_client_is_known_with_everything_it_was_given(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let limits = ApiClientLimits {
        requests_per_minute: 60,
        burst: 5,
        requests_per_day: 1000,
    };
    let request = CreateApiClientRequest {
        ip_allow: vec!["203.0.113.9/24".into(), "2001:db8::1".into()],
        limits: Some(limits),
        reset_link_bases: vec!["https://panel.example/reset".into()],
        ..new("Nuevo")
    };
    let made = create(&rig, &through(platform_client()), request)
        .await
        .unwrap();
    let client = made.client.unwrap();
    assert_eq!(client.ip_allow, ["203.0.113.0/24", "2001:db8::1/128"]);
    assert_eq!(client.forgot_mode(), pb::ForgotMode::Contract);
    assert_eq!((client.secret_count, client.active), (1, true));
    assert_eq!(get(&rig, client.client_id).await.unwrap(), client);

    let credentials = ("Nuevo", made.secret.as_str());
    let admitted = rig.authenticate(credentials, "").await.unwrap();
    let principal = admitted.client.unwrap();
    assert_eq!(principal.limits, Some(limits));
    assert_eq!(principal.ip_allow, client.ip_allow);
    assert_eq!(principal.secret_expires_at, None);
    let taken = create(&rig, &through(platform_client()), new("Nuevo")).await;
    assert_eq!(taken.unwrap_err().code, ErrorCode::AlreadyExists);

    let front = CreateApiClientRequest {
        authority: pb::Authority::Unspecified.into(),
        ..new("Frente")
    };
    let front = create(&rig, &Caller::service("edge"), front).await.unwrap();
    let front = front.client.unwrap();
    assert_eq!(front.authority(), pb::Authority::Delegated);
    assert_eq!(front.forgot_mode(), pb::ForgotMode::Uniform);
    assert_eq!(
        events(&rig, "client.created").await,
        2,
        "each creation is noted"
    );
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn wrong_fields_of_a_client_are_named(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let huge = || vec!["x".repeat(100_000)];
    let wrong = CreateApiClientRequest {
        consumo: "x".repeat(100_000),
        name: "a\0b".into(),
        authority: pb::Authority::Company.into(),
        company_id: 0,
        scopes: huge(),
        ip_allow: vec!["everybody".into()],
        limits: Some(ApiClientLimits {
            requests_per_minute: u32::MAX,
            burst: u32::MAX,
            requests_per_day: u64::MAX,
        }),
        reset_link_bases: huge(),
        ..CreateApiClientRequest::default()
    };
    let refused = create(&rig, &through(platform_client()), wrong).await;
    let fields: Vec<_> = refused.unwrap_err().fields;
    let fields: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "consumo",
            "name",
            "company",
            "scopes",
            "ip_allow",
            "requests_per_minute",
            "burst",
            "requests_per_day",
            "reset_link_bases"
        ]
    );
    let nonsense = CreateApiClientRequest {
        authority: 99,
        ..new("Nuevo")
    };
    let refused = create(&rig, &through(platform_client()), nonsense).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_secret_is_replaced_while_the_old_one_is_in_use(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let made = create(&rig, &through(platform_client()), new("Nuevo"))
        .await
        .unwrap();
    let id = made.client.unwrap().client_id;
    let first = made.secret;
    let second = rotate(&rig, id, 3600).await.unwrap();
    let client = second.client.unwrap();
    assert_eq!(client.secret_count, 2);
    let end = rig.clock.now() + Duration::hours(1);
    let told = client.old_secret_expires_at.unwrap();
    assert_eq!(told.seconds, end.unix_timestamp());
    for secret in [&first, &second.secret] {
        let admitted = rig.authenticate(("Nuevo", secret), "").await.unwrap();
        let expires = admitted.client.unwrap().secret_expires_at;
        assert_eq!(expires.is_some(), secret == &first);
    }

    // Two at most: the oldest ends, whatever was left of its time.
    let third = rotate(&rig, id, 3600).await.unwrap();
    assert_eq!(third.client.unwrap().secret_count, 2);
    assert_eq!(
        rig.refused(("Nuevo", &first), "").await,
        "CLIENT_CREDENTIALS"
    );
    let good = ("Nuevo", second.secret.as_str());
    assert!(rig.authenticate(good, "").await.is_ok());
    rig.clock.advance(Duration::hours(1));
    assert_eq!(rig.refused(good, "").await, "CLIENT_CREDENTIALS");
    let newest = ("Nuevo", third.secret.as_str());
    assert!(rig.authenticate(newest, "").await.is_ok());
    assert_eq!(get(&rig, id).await.unwrap().secret_count, 1);

    let at_once = rotate(&rig, id, 0).await.unwrap();
    assert_eq!(at_once.client.unwrap().secret_count, 1);
    assert_eq!(rig.refused(newest, "").await, "CLIENT_CREDENTIALS");
    let refused = rotate(&rig, id, 2_592_001).await.unwrap_err();
    assert_eq!(refused.fields[0].0, "grace_seconds");
    let unknown = rotate(&rig, 999, 0).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
    assert_eq!(events(&rig, "client.rotated").await, 3);
    assert_eq!(revocations(&rig, "changed_client", id).await, 3);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn concurrent_rotations_leave_two_secrets(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let made = create(&rig, &through(platform_client()), new("Nuevo"))
        .await
        .unwrap();
    let id = made.client.unwrap().client_id;
    let (a, b, c) = tokio::join!(
        rotate(&rig, id, 3600),
        rotate(&rig, id, 3600),
        rotate(&rig, id, 3600)
    );
    let mut good = 0;
    for secret in [a, b, c].map(|made| made.unwrap().secret) {
        let admitted = rig.authenticate(("Nuevo", &secret), "").await;
        good += usize::from(admitted.is_ok());
    }
    assert_eq!(good, 2, "each rotation ends the oldest secret");
    assert_eq!(get(&rig, id).await.unwrap().secret_count, 2);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_disabled_client_is_gone_with_its_sessions(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let bound = bound_client();
    let login = rig.login_through(bound, "agente1@atencion.test", PASSWORD, 0);
    let token = login.await.unwrap().token;
    let elsewhere = rig.token_of("agente1@atencion.test").await;
    assert!(disable(&rig, 2).await.unwrap());
    let credentials = ("EmpresaDemo", "empresa-demo-secret");
    assert_eq!(rig.refused(credentials, "").await, "CLIENT_CREDENTIALS");
    assert_eq!(rig.refused(PLATFORM, &token).await, "BEARER_TOKEN");
    assert!(rig.authenticate(PLATFORM, &elsewhere).await.is_ok());

    assert!(!disable(&rig, 2).await.unwrap(), "it is idempotent");
    let client = get(&rig, 2).await.unwrap();
    assert_eq!((client.active, client.secret_count), (false, 0));
    assert_eq!(
        rotate(&rig, 2, 0).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    let unknown = disable(&rig, 999).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
    assert_eq!(events(&rig, "client.disabled").await, 1);
    assert_eq!(revocations(&rig, "client", 2).await, 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn clients_are_listed_by_page_company_and_state(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for (consumo, company_id) in [("Uno", 4), ("Dos", 4), ("Tres", 4)] {
        let request = CreateApiClientRequest {
            company_id,
            ..new(consumo)
        };
        create(&rig, &Caller::service("edge"), request)
            .await
            .unwrap();
    }
    disable(&rig, 2).await.unwrap();
    let list = async |page: PageRequest, company_id, active| {
        let call = rig.call(&Caller::service("edge"));
        let request = ListApiClientsRequest {
            page: Some(page),
            company_id,
            active,
        };
        let mut service = service(&rig);
        let answered = answer(service.list_api_clients(call.request(request)).await).unwrap();
        let names: Vec<_> = answered.clients.into_iter().map(|c| c.consumo).collect();
        (names, answered.page.unwrap().total)
    };
    let second = PageRequest {
        page: 2,
        per_page: 2,
        unpaged: false,
    };
    let (names, total) = list(second, 4, None).await;
    assert_eq!((names, total), (vec!["Tres".to_owned()], 3));
    let all = PageRequest {
        unpaged: true,
        ..PageRequest::default()
    };
    let (names, _) = list(all, 0, Some(false)).await;
    assert_eq!(names, ["EmpresaDemo"]);
    let (_, total) = list(all, 0, None).await;
    assert_eq!(total, 5);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_use_of_a_client_is_noted(pool: PgPool) {
    let rig = Rig::start(pool).await;
    assert_eq!(get(&rig, 1).await.unwrap().last_used_at, None);
    rig.authenticate(PLATFORM, "").await.unwrap();
    assert_eq!(
        rig.refused(("EmpresaDemo", "wrong"), "").await,
        "CLIENT_CREDENTIALS"
    );
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let used = loop {
        if let Some(used) = get(&rig, 1).await.unwrap().last_used_at {
            break used;
        }
        assert!(tokio::time::Instant::now() < deadline, "it was never noted");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(used.seconds, rig.clock.now().unix_timestamp());
    assert_eq!(get(&rig, 2).await.unwrap().last_used_at, None);
}

async fn events(rig: &Rig, kind: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM identity.security_event WHERE kind = $1")
        .bind(kind)
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}

/// Entries of the revocation log that are not to be forgotten before a session may
/// end.
async fn revocations(rig: &Rig, kind: &str, id: i64) -> i64 {
    let least: OffsetDateTime = rig.clock.now() + Duration::days(29);
    sqlx::query_scalar(
        "SELECT count(*) FROM identity.revocation
         WHERE kind = $1 AND id = $2 AND forget_at > $3",
    )
    .bind(kind)
    .bind(id)
    .bind(least)
    .fetch_one(&rig.pool)
    .await
    .unwrap()
}
