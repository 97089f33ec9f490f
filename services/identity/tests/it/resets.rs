//! Forgotten passwords: the links, and what they do.

mod requests;

use auth::{Caller, ClientCaller};
use chassis::{ErrorCode, code::Refusal};
use prost::Message;
use proto::{
    events::v1::{PasswordChanged, PasswordResetRequested},
    identity::v1::{GetResetLinkRequest, RequestResetRequest, ResetPasswordRequest},
};
use sqlx::PgPool;
use time::Duration;

use crate::{
    callers::{address, events, login_from, passwords, through},
    rig::{PASSWORD, PLATFORM, Rig, answer, bound_client, platform_client},
};

const AGENT: &str = "agente1@atencion.test";
const NEW: &str = "otra-Clave-7";

/// The parts of a link.
struct Link {
    base: String,
    selector: String,
    token: String,
    email: String,
}

fn asking(email: &str, client_ip: &str) -> RequestResetRequest {
    RequestResetRequest {
        email: email.to_owned(),
        client_ip: client_ip.to_owned(),
        ..RequestResetRequest::default()
    }
}

async fn ask(rig: &Rig, client: ClientCaller, request: RequestResetRequest) -> Result<(), Refusal> {
    let call = rig.call(&through(client));
    answer(passwords(rig).request_reset(call.request(request)).await)?;
    Ok(())
}

/// Asks for a link and waits for the n-th event about one.
async fn link(rig: &Rig, request: RequestResetRequest, nth: usize) -> Link {
    ask(rig, platform_client(), request).await.unwrap();
    let announced = announced(rig, nth).await;
    read(&mailed(rig, &announced.reset_id).await.unwrap())
}

async fn announced(rig: &Rig, nth: usize) -> PasswordResetRequested {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let data: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT data FROM identity.outbox WHERE type = 'password_reset.requested' ORDER BY seq",
        )
        .fetch_all(&rig.pool)
        .await
        .unwrap();
        if let Some(data) = data.get(nth) {
            return PasswordResetRequested::decode(data.as_slice()).unwrap();
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "no link was announced"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn mailed(rig: &Rig, reset_id: &str) -> Result<String, Refusal> {
    let request = GetResetLinkRequest {
        reset_id: reset_id.to_owned(),
    };
    let call = rig.call(&Caller::service("mail-ticket"));
    Ok(answer(passwords(rig).get_reset_link(call.request(request)).await)?.link)
}

fn read(link: &str) -> Link {
    let (base, query) = link.split_once('?').unwrap();
    let part = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.into_iter().find(|(key, _)| *key == name);
        found.unwrap().1.replace("%40", "@")
    };
    Link {
        base: base.to_owned(),
        selector: part("id"),
        token: part("token"),
        email: part("email"),
    }
}

fn redeeming(link: &Link, password: &str) -> ResetPasswordRequest {
    ResetPasswordRequest {
        selector: link.selector.clone(),
        token: link.token.clone(),
        password: password.to_owned(),
        email: Some(link.email.clone()),
        product: String::new(),
        client_ip: "192.0.2.1".to_owned(),
    }
}

async fn redeem(rig: &Rig, request: ResetPasswordRequest) -> Result<(), Refusal> {
    let call = rig.call(&through(platform_client()));
    answer(passwords(rig).reset_password(call.request(request)).await)?;
    Ok(())
}

fn is_no_good(refused: Result<(), Refusal>) -> bool {
    let refusal = refused.unwrap_err();
    refusal.code == ErrorCode::InvalidInput
        && refusal.fields == [("token".to_owned(), "RESET_TOKEN".to_owned())]
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_link_sets_a_password_once_and_ends_the_sessions(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let token = rig.token_of(AGENT).await;
    let first = link(&rig, asking("Agente1@Atencion.TEST", "192.0.2.1"), 0).await;
    let second = link(&rig, asking(AGENT, "192.0.2.1"), 1).await;
    assert_eq!(first.email, AGENT);
    assert!(rig.authenticate(PLATFORM, &token).await.is_ok());

    redeem(&rig, redeeming(&second, NEW)).await.unwrap();
    assert_eq!(rig.refused(PLATFORM, &token).await, "BEARER_TOKEN");
    assert!(
        login_from(&rig, "192.0.2.1", AGENT, PASSWORD, 0)
            .await
            .is_err()
    );
    let newer = login_from(&rig, "192.0.2.1", AGENT, NEW, 0)
        .await
        .unwrap()
        .token;
    assert!(rig.authenticate(PLATFORM, &newer).await.is_ok());
    assert!(is_no_good(
        redeem(&rig, redeeming(&second, "another-Clave-8")).await
    ));
    assert!(is_no_good(
        redeem(&rig, redeeming(&first, "another-Clave-8")).await
    ));
    assert!(rig.authenticate(PLATFORM, &newer).await.is_ok());

    let changed: Vec<u8> =
        sqlx::query_scalar("SELECT data FROM identity.outbox WHERE type = 'password.changed'")
            .fetch_one(&rig.pool)
            .await
            .unwrap();
    let changed = PasswordChanged::decode(changed.as_slice()).unwrap();
    assert_eq!((changed.user_id, changed.email.as_str()), (7, AGENT));
    assert_eq!(events(&rig, "password.changed").await, 1);
    assert_eq!(events(&rig, "password.reset_requested").await, 2);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn two_at_the_same_time_are_one(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let link = link(&rig, asking(AGENT, "192.0.2.1"), 0).await;
    let answers = tokio::join!(
        redeem(&rig, redeeming(&link, NEW)),
        redeem(&rig, redeeming(&link, "another-Clave-8")),
    );
    assert_ne!(answers.0.is_ok(), answers.1.is_ok());
    assert_eq!(events(&rig, "password.changed").await, 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn every_bad_link_hears_the_same(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let good = link(&rig, asking(AGENT, "192.0.2.1"), 0).await;
    let other = link(&rig, asking("juan@empresa.com", "192.0.2.1"), 1).await;
    let bad = |change: &dyn Fn(&mut ResetPasswordRequest)| {
        let mut request = redeeming(&good, NEW);
        change(&mut request);
        request
    };
    let long = "x".repeat(1024 * 1024);
    let requests = [
        bad(&|request| request.token.push('x')),
        bad(&|request| request.token.clear()),
        bad(&|request| request.token.clone_from(&other.token)),
        bad(&|request| request.token.clone_from(&long)),
        bad(&|request| request.selector.clone_from(&other.selector)),
        bad(&|request| request.selector = uuid::Uuid::new_v4().to_string()),
        bad(&|request| request.selector = "yknji".to_owned()),
        bad(&|request| request.selector.clone_from(&long)),
        bad(&|request| request.email = Some("juan@empresa.com".to_owned())),
        bad(&|request| request.email = Some("a\0b".to_owned())),
        bad(&|request| request.product = "atencion".to_owned()),
    ];
    for (nth, request) in requests.into_iter().enumerate() {
        let from = address(nth);
        let request = ResetPasswordRequest {
            client_ip: from,
            ..request
        };
        assert!(is_no_good(redeem(&rig, request).await), "{nth}");
    }
    let bound = rig.call(&through(bound_client()));
    let foreign = link(&rig, asking("admin@otra.test", "192.0.2.1"), 2).await;
    let request = bound.request(redeeming(&foreign, NEW));
    let foreign = answer(passwords(&rig).reset_password(request).await).map(|_| ());
    assert!(is_no_good(foreign), "a user of another company");

    rig.clock.advance(Duration::minutes(61));
    assert!(is_no_good(redeem(&rig, redeeming(&good, NEW)).await));
    assert!(rig.login(AGENT, PASSWORD).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_weak_password_leaves_the_link_good(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let link = link(&rig, asking(AGENT, "192.0.2.1"), 0).await;
    for (password, reason) in [
        ("corta", "TOO_SHORT"),
        ("password", "COMMON"),
        ("AGENTE1@atencion.test", "PERSONAL"),
        ("agente 1", "PERSONAL"),
    ] {
        let refused = redeem(&rig, redeeming(&link, password)).await.unwrap_err();
        assert_eq!(refused.fields, [("password".to_owned(), reason.to_owned())]);
    }
    redeem(&rig, redeeming(&link, NEW)).await.unwrap();
    assert!(rig.login(AGENT, NEW).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn only_the_mail_learns_the_link_and_only_while_it_is_good(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let link = link(&rig, asking(AGENT, "192.0.2.1"), 0).await;
    let everything: Vec<String> = sqlx::query_scalar(
        "SELECT o::text || encode(o.data, 'escape') FROM identity.outbox o
         UNION ALL SELECT r::text FROM identity.password_reset r
         UNION ALL SELECT s::text FROM identity.security_event s",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    assert!(everything.len() > 2);
    assert!(everything.iter().all(|row| !row.contains(&link.token)));
    for caller in [
        Caller::service("conversation"),
        Caller::service("edge"),
        through(platform_client()),
    ] {
        let request = GetResetLinkRequest {
            reset_id: link.selector.clone(),
        };
        let call = rig.call(&caller);
        let refused = answer(passwords(&rig).get_reset_link(call.request(request)).await);
        assert_eq!(refused.unwrap_err().code, ErrorCode::PermissionDenied);
    }
    assert_eq!(
        mailed(&rig, "nothing").await.unwrap_err().code,
        ErrorCode::NotFound
    );
    assert!(
        mailed(&rig, &link.selector).await.is_ok(),
        "as often as needed"
    );
    redeem(&rig, redeeming(&link, NEW)).await.unwrap();
    let over = mailed(&rig, &link.selector).await.unwrap_err();
    assert_eq!(over.code, ErrorCode::NotFound);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_link_of_a_product_is_good_there_alone(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let request = RequestResetRequest {
        product: "atencion".to_owned(),
        ..asking(AGENT, "192.0.2.1")
    };
    let link = link(&rig, request, 0).await;
    assert!(is_no_good(redeem(&rig, redeeming(&link, NEW)).await));
    let there = ResetPasswordRequest {
        product: "atencion".to_owned(),
        email: None,
        ..redeeming(&link, NEW)
    };
    redeem(&rig, there).await.unwrap();
    assert!(rig.login(AGENT, NEW).await.is_ok());
}
