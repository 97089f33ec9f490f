//! Services get tokens of their own.

use chassis::ErrorCode;
use proto::identity::v1::{IssueServiceTokenRequest, IssueServiceTokenResponse};
use sqlx::PgPool;
use tonic::Request;

use crate::rig::{Rig, answer};

async fn ask(
    rig: &Rig,
    service: &str,
    secret: &str,
) -> Result<IssueServiceTokenResponse, chassis::code::Refusal> {
    let request = Request::new(IssueServiceTokenRequest {
        service: service.to_owned(),
        secret: secret.to_owned(),
    });
    answer(rig.authentication().issue_service_token(request).await)
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_service_gets_a_token_for_its_secret_and_for_nothing_else(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let issued = ask(&rig, "channel-connector", "connector secret")
        .await
        .unwrap();
    assert_eq!(issued.lifetime_seconds, 60);
    let caller = rig.verifier.verify(&issued.token).unwrap();
    assert!(caller.is_service("channel-connector"));

    for (service, secret) in [
        ("channel-connector", "wrong"),
        ("channel-connector", ""),
        ("channel_connector", "connector secret"),
        ("conversation", "connector secret"),
        // Known, but without a secret.
        ("mail-ticket", ""),
        ("edge", ""),
        ("", ""),
    ] {
        let refused = ask(&rig, service, secret).await.unwrap_err();
        assert_eq!(
            refused.code,
            ErrorCode::Unauthenticated,
            "{service} {secret}"
        );
        assert_eq!(refused.reason, "SERVICE_CREDENTIALS");
    }
}
