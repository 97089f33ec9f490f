//! Logging in and out.

use auth::Caller;
use chassis::ErrorCode;
use proto::identity::v1::LoginRequest;
use sqlx::PgPool;
use time::Duration;

use crate::rig::{PASSWORD, PLATFORM, Rig, answer, bound_client, platform_client};

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_login_gives_a_token_that_says_who_it_is(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let login = rig.login("Agente1@Atencion.TEST", PASSWORD).await.unwrap();
    let user = login.user.unwrap();
    assert_eq!((user.user_id, user.name.as_str()), (7, "Agente 1"));
    assert_eq!(user.email, "agente1@atencion.test");

    let admitted = rig.authenticate(PLATFORM, &login.token).await.unwrap();
    let client = admitted.client.unwrap();
    assert_eq!((client.client_id, client.company_id), (1, 3));
    assert!(client.scopes.contains(&"adi:admin".to_owned()));
    let user = admitted.user.unwrap();
    assert_eq!(
        (user.user_id, user.company_id, user.department_id),
        (7, 3, 7)
    );
    assert_eq!(user.role, 3);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn every_failed_login_looks_the_same(pool: PgPool) {
    let rig = Rig::start(pool).await;
    sqlx::query("UPDATE identity.users SET active = false WHERE user_id = 15")
        .execute(&rig.pool)
        .await
        .unwrap();
    let wrong = rig
        .login("agente1@atencion.test", "Secret124")
        .await
        .unwrap_err();
    assert_eq!(wrong.code, ErrorCode::Unauthenticated);
    assert_eq!(wrong.reason, "LOGIN_CREDENTIALS");
    let long = "a".repeat(5000);
    for (email, password) in [
        ("nobody@atencion.test", PASSWORD),
        ("juan@empresa.com", PASSWORD),
        ("agente1@atencion.test", ""),
        ("agente1@atencion.test", &long),
        ("", PASSWORD),
        ("no address", PASSWORD),
        ("agente1@atencion.test\0", PASSWORD),
        ("agente1@atencion.test' OR true --", PASSWORD),
        (&long, PASSWORD),
    ] {
        assert_eq!(
            rig.login(email, password).await.unwrap_err(),
            wrong,
            "{email}"
        );
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_client_of_a_company_logs_in_only_its_users(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let login = async |email: &str| rig.login_through(bound_client(), email, PASSWORD, 0).await;
    assert!(login("admin@atencion.test").await.is_ok());
    let foreign = login("admin@otra.test").await.unwrap_err();
    assert_eq!(foreign.reason, "LOGIN_CREDENTIALS");
    assert!(rig.login("admin@otra.test", PASSWORD).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn only_the_edge_logs_in_and_only_for_a_client(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let connector = Caller {
        client: Some(platform_client()),
        ..Caller::service("channel-connector")
    };
    for caller in [connector, Caller::service("edge")] {
        let call = rig.call(&caller);
        let login = rig
            .sessions()
            .login(call.request(LoginRequest::default()))
            .await;
        assert_eq!(answer(login).unwrap_err().code, ErrorCode::PermissionDenied);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn after_a_logout_the_token_is_void_and_others_are_not(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let ended = rig.token_of("agente1@atencion.test").await;
    let other = rig.token_of("agente1@atencion.test").await;
    rig.logout(&ended).await;
    assert_eq!(rig.refused(PLATFORM, &ended).await, "BEARER_TOKEN");
    assert!(rig.authenticate(PLATFORM, &other).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn sessions_end_by_age_and_by_disuse(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let unused = rig.token_of("agente1@atencion.test").await;
    let used = rig.token_of("agente1@atencion.test").await;
    let device = rig
        .login_through(platform_client(), "agente1@atencion.test", PASSWORD, 99)
        .await
        .unwrap()
        .token;
    for _ in 0..5 {
        rig.clock.advance(Duration::hours(2));
        assert!(rig.authenticate(PLATFORM, &used).await.is_ok());
        until_noted(&rig).await;
    }
    // Ten hours later: one was left alone for longer than four.
    assert_eq!(rig.refused(PLATFORM, &unused).await, "BEARER_TOKEN");
    rig.clock.advance(Duration::hours(2));
    assert_eq!(rig.refused(PLATFORM, &used).await, "BEARER_TOKEN");
    assert!(rig.authenticate(PLATFORM, &device).await.is_ok());
}

/// Waits until the use of some session at the present time was written down.
async fn until_noted(rig: &Rig) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let noted: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM identity.session WHERE last_used_at = $1)",
        )
        .bind(rig.clock.now())
        .fetch_one(&rig.pool)
        .await
        .unwrap();
        if noted {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "use was not noted");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
