//! Requests that are repeated under a key: users, recovery links, PINs, systems and
//! the tokens that hand users over.

use auth::{Caller, ClientId};
use chassis::{ErrorCode, code::Refusal};
use proto::identity::v1::{
    CreateUserRequest, EnrolPinRequest, GenerateTokenRequest, PinDevice, RequestResetRequest,
    SetSystemTokenRequest, SetSystemTokenResponse, adi_service_client::AdiServiceClient,
};
use sqlx::PgPool;
use time::Duration;

use crate::{
    callers::{passwords, through, user_of},
    people::{ana, create, platform, rig, update},
    rig::{Rig, answer, platform_client},
};

const AGENT: &str = "agente1@atencion.test";

fn keyed(email: &str) -> CreateUserRequest {
    CreateUserRequest {
        idempotency_key: "k".to_owned(),
        ..ana(email)
    }
}

fn stranger() -> Caller {
    let mut client = platform_client();
    client.id = ClientId(2);
    through(client)
}

fn assert_reused<T: std::fmt::Debug>(answered: Result<T, Refusal>) {
    let refused = answered.unwrap_err();
    assert_eq!(refused.code, ErrorCode::AlreadyExists);
    assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
}

async fn count(rig: &Rig, table: &'static str) -> i64 {
    sqlx::query_scalar(table)
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}

async fn forgot(rig: &Rig, by: &Caller, email: &str, ip: &str) -> Result<(), Refusal> {
    let request = RequestResetRequest {
        email: email.to_owned(),
        client_ip: ip.to_owned(),
        idempotency_key: "k".to_owned(),
        ..RequestResetRequest::default()
    };
    answer(
        passwords(rig)
            .request_reset(rig.call(by).request(request))
            .await,
    )?;
    Ok(())
}

async fn enrol(rig: &Rig, by: &Caller, pin: &str) -> Result<PinDevice, Refusal> {
    let request = EnrolPinRequest {
        user_id: 0,
        device_id: 5,
        pin: pin.to_owned(),
        name: "Telefono".to_owned(),
        idempotency_key: "k".to_owned(),
    };
    let enrolled = answer(
        passwords(rig)
            .enrol_pin(rig.call(by).request(request))
            .await,
    )?;
    Ok(enrolled.device.unwrap())
}

async fn set(rig: &Rig, by: &Caller, alias: &str) -> Result<SetSystemTokenResponse, Refusal> {
    let request = SetSystemTokenRequest {
        system: alias.to_owned(),
        active: None,
        rotate: true,
        idempotency_key: "k".to_owned(),
    };
    let mut service = AdiServiceClient::new(rig.upstream.clone());
    answer(
        service
            .set_system_token(rig.call(by).request(request))
            .await,
    )
}

async fn hand_over(rig: &Rig, by: &Caller, name: &str, secret: &str) -> Result<String, Refusal> {
    let request = GenerateTokenRequest {
        username: name.to_owned(),
        email: AGENT.to_owned(),
        system: "erp".to_owned(),
        system_token: secret.to_owned(),
        idempotency_key: "k".to_owned(),
    };
    let mut service = AdiServiceClient::new(rig.upstream.clone());
    let made = answer(service.generate_token(rig.call(by).request(request)).await)?;
    Ok(made.token)
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_key_makes_one_user(pool: PgPool) {
    let rig = rig(pool).await;
    let first = create(&rig, &platform(), keyed("a@empresa.com"))
        .await
        .unwrap();
    let renamed = |change: &mut proto::identity::v1::UpdateUserRequest| {
        change.name = Some("Ana María".to_owned());
    };
    update(&rig, &platform(), first.user_id, renamed)
        .await
        .unwrap();
    let again = create(&rig, &platform(), keyed("a@empresa.com")).await;
    assert_eq!(again.unwrap(), first, "what was answered first");
    assert_reused(create(&rig, &platform(), keyed("b@empresa.com")).await);
    let mut weaker = keyed("a@empresa.com");
    weaker.password.push('!');
    assert_reused(create(&rig, &platform(), weaker).await);
    let other = create(&rig, &stranger(), keyed("b@empresa.com"))
        .await
        .unwrap();
    assert_ne!(other.user_id, first.user_id);

    rig.clock.advance(Duration::hours(48));
    let late = create(&rig, &platform(), keyed("c@empresa.com")).await;
    assert_ne!(late.unwrap().user_id, first.user_id, "the key is forgotten");
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_key_sends_one_recovery_mail(pool: PgPool) {
    const REQUESTS: &str = "SELECT count(*) FROM identity.security_event
                            WHERE kind = 'password.reset_requested'";
    let rig = rig(pool).await;
    let (ours, theirs) = (platform(), stranger());
    // More often than mails may be asked for, and from anywhere.
    for ip in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] {
        forgot(&rig, &ours, AGENT, ip).await.unwrap();
    }
    assert_reused(forgot(&rig, &ours, "juan@empresa.com", "192.0.2.1").await);
    let missing = "nobody@empresa.com";
    let refused = forgot(&rig, &theirs, missing, "192.0.2.1")
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let again = forgot(&rig, &theirs, missing, "192.0.2.1")
        .await
        .unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while count(
        &rig,
        "SELECT count(*) FROM identity.password_reset WHERE user_id IS NULL",
    )
    .await
        > 0
    {
        assert!(
            tokio::time::Instant::now() < until,
            "the links are not made"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(count(&rig, REQUESTS).await, 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_key_enrols_a_device_once(pool: PgPool) {
    const ENROLLED: &str =
        "SELECT count(*) FROM identity.security_event WHERE kind = 'pin.enrolled'";
    let rig = rig(pool).await;
    let token = rig.token_of(AGENT).await;
    let agent = user_of(&rig, &token).await;
    let first = enrol(&rig, &agent, "482915").await.unwrap();
    // A repetition is answered when the login is not of the last minutes any more.
    rig.clock.advance(Duration::minutes(6));
    assert_eq!(enrol(&rig, &agent, "482915").await.unwrap(), first);
    assert_reused(enrol(&rig, &agent, "482916").await);
    assert_eq!(count(&rig, ENROLLED).await, 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_key_gives_a_system_one_secret_and_a_user_one_token(pool: PgPool) {
    let rig = rig(pool).await;
    let mut admin = platform();
    admin.client.as_mut().unwrap().scopes = vec!["adi:admin".to_owned()];
    let first = set(&rig, &admin, "erp").await.unwrap();
    assert_eq!(set(&rig, &admin, "erp").await.unwrap(), first);
    assert_reused(set(&rig, &admin, "crm").await);
    let refused = set(&rig, &platform(), "erp").await.unwrap_err();
    assert_eq!(
        refused.code,
        ErrorCode::PermissionDenied,
        "without the scope"
    );

    let token = hand_over(&rig, &platform(), "dnunez", &first.token)
        .await
        .unwrap();
    let again = hand_over(&rig, &platform(), "dnunez", &first.token).await;
    assert_eq!(again.unwrap(), token);
    assert_reused(hand_over(&rig, &platform(), "other", &first.token).await);
    let theirs = hand_over(&rig, &stranger(), "dnunez", &first.token).await;
    assert_ne!(theirs.unwrap(), token);
}
