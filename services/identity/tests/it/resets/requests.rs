//! Asking for a link: who is told what, and how often.

use proto::identity::v1::RequestResetRequest;
use sqlx::PgPool;
use time::Duration;

use super::{AGENT, announced, ask, asking, link};
use crate::{
    callers::{address, browser_client, events},
    rig::{Rig, bound_client, config, platform_client},
};

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn an_unknown_address_is_told_a_few_times_and_then_no_more(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let missing = |number: usize| format!("nobody{number}@atencion.test");
    for number in 0..5 {
        let refused = ask(
            &rig,
            platform_client(),
            asking(&missing(number), "192.0.2.1"),
        )
        .await;
        assert_eq!(refused.unwrap_err().reason, "NO_SUCH_ADDRESS", "{number}");
    }
    for email in [&missing(5), &missing(0), AGENT] {
        let told = ask(&rig, platform_client(), asking(email, "192.0.2.1")).await;
        assert_eq!(told, Ok(()), "{email}");
    }
    assert_eq!(events(&rig, "password.reset_probed").await, 1);
    let elsewhere = ask(&rig, platform_client(), asking(&missing(0), "192.0.2.2")).await;
    assert_eq!(elsewhere.unwrap_err().reason, "NO_SUCH_ADDRESS");
    // Whoever has an address is served all the same, and the others leave nothing.
    announced(&rig, 0).await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.password_reset")
            .fetch_one(&rig.pool)
            .await
            .unwrap();
        if left == 1 {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{left} requests are left"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn browsers_and_sso_are_never_told(pool: PgPool) {
    let rig = Rig::start(pool).await;
    // What a client hears is written beside it; that of a browser is `uniform`.
    let uniform = "UPDATE identity.api_client SET forgot_mode = 'uniform' WHERE client_id = 1";
    sqlx::query(uniform).execute(&rig.pool).await.unwrap();
    for email in [AGENT, "nobody@atencion.test"] {
        let told = ask(&rig, browser_client(), asking(email, "192.0.2.1")).await;
        assert_eq!(told, Ok(()), "{email}");
        let request = RequestResetRequest {
            product: "atencion".to_owned(),
            ..asking(email, "192.0.2.1")
        };
        assert_eq!(
            ask(&rig, platform_client(), request).await,
            Ok(()),
            "{email}"
        );
    }
    for product in ["otro", "a\0b"] {
        let request = RequestResetRequest {
            product: product.to_owned(),
            ..asking(AGENT, "192.0.2.1")
        };
        let unknown = ask(&rig, platform_client(), request).await.unwrap_err();
        let told = [("product".to_owned(), "NOT_REGISTERED".to_owned())];
        assert_eq!(unknown.fields, told);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_domain_is_never_used_as_it_comes(pool: PgPool) {
    let clock = chassis::Clock::set_to(chassis::Clock::system().now());
    let mut settings = config();
    settings.reset_link_base = "https://care.test/reset".to_owned();
    settings.reset_link_bases = vec!["https://otra.test/nueva".to_owned()];
    identity::demo::seed(&pool, &settings).await.unwrap();
    let rig = Rig::start_at(pool, settings, clock).await;
    let domains = ["evil.test", "otra.test", ""];
    let bases = [
        "https://care.test/reset",
        "https://otra.test/nueva",
        "https://care.test/reset",
    ];
    for (nth, (domain, base)) in domains.into_iter().zip(bases).enumerate() {
        let request = RequestResetRequest {
            domain: domain.to_owned(),
            ..asking(AGENT, "192.0.2.1")
        };
        assert_eq!(link(&rig, request, nth).await.base, base, "{domain}");
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn links_are_asked_for_within_limits(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let asks = async |email: &str, from: usize| {
        let request = asking(email, &address(from));
        ask(&rig, platform_client(), request)
            .await
            .map_err(|refusal| refusal.reason)
    };
    for from in 0..3 {
        assert_eq!(asks(AGENT, from).await, Ok(()));
    }
    let limited = asks(AGENT, 3).await.unwrap_err();
    assert_eq!(limited, "TOO_MANY_TRIES");
    rig.clock.advance(Duration::minutes(20));
    assert_eq!(asks(AGENT, 3).await, Ok(()));
    for number in 0..10 {
        let email = format!("nobody{number}@atencion.test");
        assert_ne!(asks(&email, 9).await, Err("TOO_MANY_TRIES".to_owned()));
    }
    let limited = asks("juan@empresa.com", 9).await.unwrap_err();
    assert_eq!(limited, "TOO_MANY_TRIES");
    assert_eq!(asks("juan@empresa.com", 8).await, Ok(()));
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_user_who_is_off_or_foreign_gets_no_link(pool: PgPool) {
    let rig = Rig::start(pool).await;
    sqlx::query("UPDATE identity.users SET active = false WHERE user_id = 15")
        .execute(&rig.pool)
        .await
        .unwrap();
    assert_eq!(
        ask(
            &rig,
            platform_client(),
            asking("juan@empresa.com", "192.0.2.1")
        )
        .await,
        Ok(())
    );
    let foreign = ask(&rig, bound_client(), asking("admin@otra.test", "192.0.2.1")).await;
    assert_eq!(foreign.unwrap_err().reason, "NO_SUCH_ADDRESS");
    assert_eq!(
        ask(&rig, bound_client(), asking(AGENT, "192.0.2.1")).await,
        Ok(())
    );
    assert_eq!(announced(&rig, 0).await.email, AGENT, "the only one");
}
