//! Exchanging tokens for their successors.

use chassis::ErrorCode;
use proto::identity::v1::{TokenShape, UserPrincipal, revocation_subject::Subject};
use sqlx::PgPool;
use time::Duration;

use crate::rig::Rig;

const AGENT: &str = "agente1@atencion.test";
const SHAPES: [TokenShape; 2] = [TokenShape::Jwt, TokenShape::Opaque];

/// A token and whose it is.
async fn signed_in(rig: &Rig, shape: TokenShape) -> (String, UserPrincipal) {
    let token = rig.token_in(shape, AGENT).await;
    let user = rig.introspect(&token).await.user.unwrap();
    (token, user)
}

async fn events(rig: &Rig, kind: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM identity.security_event WHERE kind = $1")
        .bind(kind)
        .fetch_one(&rig.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_token_is_good_until_its_successor_is_used(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for shape in SHAPES {
        let (first, user) = signed_in(&rig, shape).await;
        let second = rig.refresh(&user, &first).await.unwrap();
        assert_ne!(first, second);
        // The answer was lost: asked again it is the same.
        for _ in 0..3 {
            assert_eq!(rig.refresh(&user, &first).await.unwrap(), second);
        }
        assert!(rig.good(&first).await);
        let known = rig.introspect(&second).await;
        assert!(known.active);
        assert_eq!(known.generation, 2);
        let third = rig.refresh(&user, &second).await.unwrap();
        assert!(rig.good(&third).await, "{shape:?}");
    }
    assert_eq!(events(&rig, "session.refreshed").await, 4);
    assert_eq!(events(&rig, "session.token_reused").await, 0);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_token_that_comes_back_ends_all_that_stem_from_it(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for (nth, shape) in SHAPES.into_iter().enumerate() {
        let (other, _) = signed_in(&rig, shape).await;
        let (first, user) = signed_in(&rig, shape).await;
        let second = rig.refresh(&user, &first).await.unwrap();
        assert!(rig.good(&second).await);
        assert!(!rig.good(&first).await, "the successor was used");
        assert!(!rig.good(&second).await, "either may be stolen");
        let refused = rig.refresh(&user, &second).await.unwrap_err();
        assert_eq!(refused.reason, "BEARER_TOKEN");
        assert!(rig.good(&other).await, "another login stands");
        let reused = i64::try_from(nth).unwrap() + 1;
        assert_eq!(events(&rig, "session.token_reused").await, reused);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_replaced_token_ends_after_a_minute_even_if_its_successor_is_not_used(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for shape in SHAPES {
        let (first, user) = signed_in(&rig, shape).await;
        let second = rig.refresh(&user, &first).await.unwrap();
        rig.clock.advance(Duration::seconds(59));
        assert!(rig.good(&first).await);
        rig.clock.advance(Duration::seconds(1));
        let kept = rig.refresh(&user, &second).await.unwrap();
        assert!(rig.good(&kept).await, "a lost answer harms nobody");
        assert!(!rig.good(&first).await, "{shape:?}");
        assert!(!rig.good(&kept).await);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn many_who_exchange_one_token_at_once_get_one_successor(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for shape in SHAPES {
        let (first, user) = signed_in(&rig, shape).await;
        let all = futures_util::future::join_all(
            std::iter::repeat_with(|| rig.refresh(&user, &first)).take(8),
        );
        let mut all: Vec<String> = all.await.into_iter().map(Result::unwrap).collect();
        all.dedup();
        assert_eq!(all.len(), 1, "{shape:?}");
        assert!(rig.good(&all[0]).await);
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_void_token_has_no_successor(pool: PgPool) {
    let rig = Rig::start(pool).await;
    for shape in SHAPES {
        let (token, user) = signed_in(&rig, shape).await;
        let (other, _) = signed_in(&rig, shape).await;
        let foreign = rig.refresh(&user, &other).await.unwrap_err();
        assert_eq!(foreign.code, ErrorCode::Unauthenticated);
        rig.revoke(Subject::UserId(7)).await.unwrap();
        let void = rig.refresh(&user, &token).await.unwrap_err();
        assert_eq!(void.reason, "BEARER_TOKEN");
    }
}
