//! What tenancy-admin announces takes effect on logins and tokens.

use std::time::Duration;

use proto::events::v1::{CompanyChanged, DepartmentChanged};
use sqlx::PgPool;

use crate::rig::{PASSWORD, PLATFORM, Rig, Tenancy};

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn users_of_a_company_that_is_off_are_out(pool: PgPool) {
    let tenancy = Tenancy::default();
    let rig = Rig::start_beside(pool, tenancy.clone()).await;
    let token = rig.token_of("admin@atencion.test").await;
    let other = rig.token_of("admin@otra.test").await;
    let announce = |active| {
        tenancy.announce(
            "company.changed",
            &CompanyChanged {
                company_id: 3,
                name: "Empresa Demo".to_owned(),
                active,
                time_zone: "America/Costa_Rica".to_owned(),
                ..CompanyChanged::default()
            },
        );
    };
    tenancy.announce("department.changed", &DepartmentChanged::default());
    tenancy.announce("unheard.of", &DepartmentChanged::default());
    announce(false);
    until(&rig, &token, false).await;
    let refused = rig
        .login("admin@atencion.test", PASSWORD)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "LOGIN_CREDENTIALS");
    assert!(rig.authenticate(PLATFORM, &other).await.is_ok());
    announce(true);
    until(&rig, &token, true).await;
    assert!(rig.login("admin@atencion.test", PASSWORD).await.is_ok());
}

/// Waits until a token is admitted, or until it is not.
async fn until(rig: &Rig, token: &str, admitted: bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while rig.authenticate(PLATFORM, token).await.is_ok() != admitted {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the event took no effect"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
