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
    until_refused(&rig, &token).await;
    let refused = rig
        .login("admin@atencion.test", PASSWORD)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "LOGIN_CREDENTIALS");
    assert!(rig.authenticate(PLATFORM, &other).await.is_ok());
    announce(true);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    // Asking by logging in would meet the limits on guessing.
    let on = "SELECT active FROM identity.company WHERE company_id = 3";
    while !sqlx::query_scalar(on)
        .fetch_one(&rig.pool)
        .await
        .unwrap_or(false)
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the company is not on again"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rig.login("admin@atencion.test", PASSWORD).await.unwrap();
    // What was void stays so.
    assert!(rig.authenticate(PLATFORM, &token).await.is_err());
}

/// Waits until a token is refused.
async fn until_refused(rig: &Rig, token: &str) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while rig.authenticate(PLATFORM, token).await.is_ok() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the event took no effect"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
