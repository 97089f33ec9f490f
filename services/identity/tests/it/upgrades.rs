//! Passwords that are stored in an older way.

use sqlx::PgPool;

use crate::{
    callers::{events, login_from},
    rig::{PASSWORD, Rig},
};

const AGENT: &str = "agente1@atencion.test";

async fn stored(rig: &Rig) -> String {
    sqlx::query_scalar("SELECT password_phc FROM identity.users WHERE user_id = 7")
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}

async fn store(rig: &Rig, phc: &str) {
    sqlx::query("UPDATE identity.users SET password_phc = $1 WHERE user_id = 7")
        .bind(phc)
        .execute(&rig.pool)
        .await
        .unwrap();
}

/// Waits until the password is stored in the present way.
async fn until_present(rig: &Rig) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !stored(rig)
        .await
        .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "it was not stored anew"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_login_stores_an_imported_password_anew(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let imported = bcrypt::hash_with_result(PASSWORD, 4).unwrap();
    let weaker = "$argon2id$v=19$m=8,t=1,p=1$\
                  c2FsdCBvZiAxNiBieXRlcw$ZWOw7E0pSHRnM8gw4CFTm+XDhWnNmyNwY8xNpdrBFc0";
    for old in [
        imported.format_for_version(bcrypt::Version::TwoY),
        imported.format_for_version(bcrypt::Version::TwoB),
    ] {
        store(&rig, &old).await;
        let wrong = login_from(&rig, "192.0.2.1", AGENT, "Secret124", 0).await;
        assert_eq!(wrong.unwrap_err().reason, "LOGIN_CREDENTIALS");
        assert_eq!(stored(&rig).await, old, "a wrong password changes nothing");
        let token = rig.login(AGENT, PASSWORD).await.unwrap().token;
        until_present(&rig).await;
        assert!(rig.login(AGENT, PASSWORD).await.is_ok());
        let admitted = rig.authenticate(crate::rig::PLATFORM, &token).await;
        assert!(
            admitted.is_ok(),
            "the password is the same: nobody is logged out"
        );
    }
    assert_eq!(events(&rig, "password.rehashed").await, 2);
    // What cannot be read, or asks for too much work, fits nothing.
    for broken in [weaker, "", "$2y$31$abc", "plain"] {
        store(&rig, broken).await;
        let refused = rig.login(AGENT, PASSWORD).await.unwrap_err();
        assert_eq!(refused.reason, "LOGIN_CREDENTIALS", "{broken}");
        rig.clock.advance(time::Duration::hours(25));
    }
}
