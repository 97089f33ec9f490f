//! Replacing the key that signs access tokens.

use std::time::Duration;

use auth::Caller;
use chassis::Clock;
use proto::identity::v1::{ListPublicKeysRequest, PublicKey};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::rig::{PASSWORD, Rig, answer, config, platform_client};

const AGENT: &str = "agente1@atencion.test";

async fn listed(rig: &Rig) -> Vec<PublicKey> {
    let call = rig.call(&Caller::service("edge"));
    let request = call.request(ListPublicKeysRequest::default());
    answer(rig.keys().list_public_keys(request).await)
        .unwrap()
        .keys
}

/// Waits until so many keys are listed.
async fn until_listed(rig: &Rig, count: usize) -> Vec<PublicKey> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let keys = listed(rig).await;
        if keys.len() == count {
            return keys;
        }
        assert!(Instant::now() < deadline, "{} keys are listed", keys.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A token that lasts for a month.
async fn token(rig: &Rig) -> String {
    let login = rig
        .login_through(platform_client(), AGENT, PASSWORD, 99)
        .await;
    login.unwrap().token
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_next_key_is_published_before_it_signs_and_the_old_one_after(pool: PgPool) {
    let first = Rig::start(pool.clone()).await;
    // Each replica looks after the keys as soon as it starts.
    let start = async || Rig::start_at(pool.clone(), config(), first.clock.clone()).await;
    let old = until_listed(&first, 1).await.remove(0).key_id;
    first
        .clock
        .advance(time::Duration::days(30) - time::Duration::minutes(30));
    let (second, third) = (start().await, start().await);
    let keys = until_listed(&second, 2).await;
    let next = &keys[1];
    let lead = next.not_before.unwrap().seconds - first.clock.unix_seconds();
    assert!(lead >= 600, "it is used {lead} s after it was published");
    let before = token(&third).await;
    assert_eq!(kid(&before), old);

    first.clock.advance(time::Duration::hours(1));
    let fourth = start().await;
    let deadline = Instant::now() + Duration::from_secs(20);
    let after = loop {
        let token = token(&fourth).await;
        if kid(&token) != old {
            break token;
        }
        assert!(Instant::now() < deadline, "the old key still signs");
    };
    assert_eq!(kid(&after), next.key_id);
    for rig in [&first, &second, &third, &fourth] {
        assert!(rig.good(&before).await && rig.good(&after).await);
    }
    assert_eq!(listed(&fourth).await.len(), 2);
    first.clock.advance(time::Duration::days(31));
    let left = listed(&fourth).await;
    assert!(left.iter().all(|key| key.key_id != old));
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn keys_stay_when_they_are_not_to_be_replaced(pool: PgPool) {
    let mut for_ever = config();
    for_ever.key_rotation_days = 0;
    identity::demo::seed(&pool, &for_ever).await.unwrap();
    let clock = Clock::set_to(Clock::system().now());
    let first = Rig::start_at(pool.clone(), for_ever.clone(), clock.clone()).await;
    let key = listed(&first).await.remove(0).key_id;
    clock.advance(time::Duration::days(400));
    let second = Rig::start_at(pool, for_ever, clock).await;
    let token = token(&second).await;
    assert!(second.good(&token).await);
    assert_eq!(kid(&token), key);
    assert_eq!(listed(&second).await.len(), 1);
}
