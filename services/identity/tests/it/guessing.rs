//! Limits on guessing, as whoever logs in meets them.

use chassis::ErrorCode;
use sqlx::PgPool;
use time::Duration;

use crate::{
    callers::{address, events, login_from},
    rig::{PASSWORD, Rig},
};

const AGENT: &str = "agente1@atencion.test";
const HOME: &str = "192.0.2.1";

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn after_five_wrong_passwords_there_is_a_wait(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for email in [AGENT, "nobody@atencion.test"] {
        for _ in 0..5 {
            let wrong = login_from(&rig, HOME, email, "wrong", 0).await.unwrap_err();
            assert_eq!(wrong.reason, "LOGIN_CREDENTIALS", "{email}");
        }
        let wait = login_from(&rig, HOME, email, PASSWORD, 0)
            .await
            .unwrap_err();
        assert_eq!(wait.code, ErrorCode::RateLimited, "{email}");
        assert_eq!(wait.retry_after, Some(std::time::Duration::from_secs(1)));
    }
    // A neighbour of the same network waits as well, somebody elsewhere does not.
    let neighbour = login_from(&rig, "192.0.2.77", AGENT, PASSWORD, 0).await;
    assert_eq!(neighbour.unwrap_err().code, ErrorCode::RateLimited);
    assert!(
        login_from(&rig, "192.0.3.1", AGENT, PASSWORD, 0)
            .await
            .is_ok()
    );
    rig.clock.advance(Duration::seconds(1));
    assert!(login_from(&rig, HOME, AGENT, PASSWORD, 0).await.is_ok());
    for _ in 0..5 {
        let wrong = login_from(&rig, HOME, AGENT, "wrong", 0).await.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::Unauthenticated);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn strangers_do_not_lock_the_owner_out(pool: PgPool) {
    let rig = Rig::start(pool).await;
    assert!(login_from(&rig, HOME, AGENT, PASSWORD, 0).await.is_ok());
    assert!(
        login_from(&rig, "198.51.100.1", AGENT, PASSWORD, 7)
            .await
            .is_ok()
    );
    for guess in 0..50 {
        let wrong = login_from(&rig, &address(guess), AGENT, "wrong", 0).await;
        assert_eq!(wrong.unwrap_err().code, ErrorCode::Unauthenticated);
    }
    let judged = events(&rig, "login.refused").await;
    assert_eq!(judged, 50);
    // Even the right password is wrong now, from a place nobody knows.
    let stranger = login_from(&rig, &address(60), AGENT, PASSWORD, 0).await;
    assert_eq!(stranger.unwrap_err().reason, "LOGIN_CREDENTIALS");
    assert_eq!(
        events(&rig, "login.refused").await,
        judged,
        "it was not judged"
    );
    assert!(
        login_from(&rig, "192.0.2.200", AGENT, PASSWORD, 0)
            .await
            .is_ok()
    );
    assert!(
        login_from(&rig, "203.0.113.1", AGENT, PASSWORD, 7)
            .await
            .is_ok()
    );
    let other = login_from(&rig, &address(60), "juan@empresa.com", PASSWORD, 0).await;
    assert!(other.is_ok());
    rig.clock.advance(Duration::hours(1));
    assert!(
        login_from(&rig, &address(61), AGENT, PASSWORD, 0)
            .await
            .is_ok()
    );
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn guesses_at_the_same_time_are_no_way_around(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let rig = std::sync::Arc::clone(&rig);
        guesses.spawn(async move { login_from(&rig, HOME, AGENT, "wrong", 0).await });
    }
    let answers = guesses.join_all().await;
    let refused = |code| {
        let refused = answers.iter().filter(|answer| match answer {
            Ok(_) => panic!("a wrong password is right"),
            Err(refusal) => refusal.code == code,
        });
        refused.count()
    };
    assert_eq!(refused(ErrorCode::Unauthenticated), 5);
    let turned_away = refused(ErrorCode::RateLimited) + refused(ErrorCode::Unavailable);
    assert_eq!(turned_away, 15);
    assert_eq!(events(&rig, "login.refused").await, 5);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn right_passwords_at_the_same_time_get_in_one_after_another(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let rig = std::sync::Arc::clone(&rig);
        logins.spawn(async move { login_from(&rig, HOME, AGENT, PASSWORD, 0).await });
    }
    let mut opened = 0;
    for answer in logins.join_all().await {
        match answer {
            Ok(_) => opened += 1,
            // Only a machine that hardly gets on turns anybody away.
            Err(refusal) => assert_eq!(refusal.code, ErrorCode::Unavailable),
        }
    }
    assert!(opened >= 5);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_wave_of_logins_is_answered_or_turned_away(pool: PgPool) {
    let rig = std::sync::Arc::new(Rig::start(pool).await);
    let mut logins = tokio::task::JoinSet::new();
    for user in 0..200 {
        let rig = std::sync::Arc::clone(&rig);
        logins.spawn(async move {
            let email = format!("nobody{user}@atencion.test");
            login_from(&rig, &address(user), &email, PASSWORD, 0).await
        });
    }
    let mut busy = 0;
    for answer in logins.join_all().await {
        let refusal = answer.unwrap_err();
        if refusal.reason == "HASHING_BUSY" {
            assert_eq!(refusal.code, ErrorCode::Unavailable);
            assert!(refusal.retry_after.is_some());
            busy += 1;
        } else {
            assert_eq!(refusal.reason, "LOGIN_CREDENTIALS");
        }
    }
    // Some wait, the rest hears so; and nobody who was turned away is counted.
    assert!(busy < 200);
    assert!(rig.login(AGENT, PASSWORD).await.is_ok());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn huge_secrets_are_refused_without_being_judged(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let huge = "7".repeat(1024 * 1024);
    for _ in 0..10 {
        let refused = login_from(&rig, HOME, AGENT, &huge, 0).await.unwrap_err();
        assert_eq!(refused.reason, "LOGIN_CREDENTIALS");
        let refused = crate::callers::login_by_pin(&rig, HOME, AGENT, &huge, 99).await;
        assert_eq!(refused.unwrap_err().reason, "LOGIN_CREDENTIALS");
    }
    assert_eq!(events(&rig, "login.refused").await, 0);
    assert!(login_from(&rig, HOME, AGENT, PASSWORD, 0).await.is_ok());
}
