//! What a repetition hears, and whose keys are whose.

use auth::Caller;
use chassis::{ErrorCode, Failure};
use idempotency::{Asked, Begun, Claim, Error, LONGEST_KEY};
use sqlx::PgPool;

use crate::shop::{MIGRATOR, Shop, caller};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_repetition_hears_the_first_answer(pool: PgPool) {
    let shop = Shop::new(pool);
    let ana = caller(1, 7);
    let first = shop.sell(&ana, "k", "bread").await.unwrap();
    assert_eq!(shop.sell(&ana, "k", "bread").await.unwrap(), first);
    let reused = shop.sell(&ana, "k", "milk").await.unwrap_err();
    assert_eq!(reused.code(), ErrorCode::AlreadyExists);
    assert_eq!(reused.reason(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(shop.count("purchase").await, 1);

    // Without a key every request counts.
    shop.sell(&ana, "", "bread").await.unwrap();
    shop.sell(&ana, "", "bread").await.unwrap();
    assert_eq!(shop.count("purchase").await, 3);
    assert_eq!(shop.count("idempotency_key").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_is_its_owners_alone(pool: PgPool) {
    let shop = Shop::new(pool);
    let ana = caller(1, 7);
    shop.sell(&ana, "k", "bread").await.unwrap();
    let mut other_service = ana.clone();
    other_service.service = "mail-ticket".into();
    let strangers = [
        caller(2, 7),
        caller(1, 8),
        caller(11, 7),
        caller(1, 17),
        other_service,
        Caller::service("edge"),
    ];
    for stranger in &strangers {
        shop.sell(stranger, "k", "milk").await.unwrap();
    }
    assert_eq!(shop.count("purchase").await, 7);

    // Nor is it a key of another operation.
    let asked = Asked::new(&ana, "lend", "k", &"milk".to_owned()).unwrap();
    let mut db = shop.pool.acquire().await.unwrap();
    let found = shop.keys.claim::<String>(&mut db, shop.clock.now(), asked);
    assert!(matches!(found.await.unwrap(), Claim::Taken(_)));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_refused_request_leaves_its_key_free(pool: PgPool) {
    let shop = Shop::new(pool);
    let ana = caller(1, 7);
    let asked = Asked::new(&ana, "sell", "k", &"bread".to_owned()).unwrap();
    let begun = shop
        .keys
        .begin::<String>(&shop.pool, shop.clock.now(), asked);
    let Begun::Work(refused) = begun.await.unwrap() else {
        panic!("nobody has answered");
    };
    drop(refused);
    shop.sell(&ana, "k", "milk").await.unwrap();
    assert_eq!(shop.count("purchase").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_many_at_once_one_takes_effect(pool: PgPool) {
    let shop = Shop::new(pool);
    let buyers: Vec<_> = (0..8)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.sell(&caller(1, 7), "k", "bread").await })
        })
        .collect();
    let mut answers = Vec::new();
    for buyer in buyers {
        answers.push(buyer.await.unwrap().unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(shop.count("purchase").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_left_half_way_goes_on_under_the_same_name(pool: PgPool) {
    let shop = Shop::new(pool);
    let ana = caller(1, 7);
    let mut db = shop.pool.acquire().await.unwrap();
    let mut slots = Vec::new();
    for _ in 0..2 {
        let asked = Asked::new(&ana, "sell", "k", &"bread".to_owned()).unwrap();
        let claim = shop
            .keys
            .claim::<String>(&mut db, shop.clock.now(), asked)
            .await;
        match claim.unwrap() {
            Claim::Taken(slot) => slots.push(slot),
            Claim::Answered(answer) => panic!("nobody has answered {answer}"),
        }
    }
    assert_eq!(slots[0].id, slots[1].id);
    let other = Asked::new(&ana, "sell", "k", &"milk".to_owned()).unwrap();
    let refused = shop
        .keys
        .answered::<String>(&mut db, shop.clock.now(), other.as_ref())
        .await;
    assert!(matches!(refused, Err(Error::Reused)));

    // Whoever is done first has answered; giving the key back is too late then.
    for (slot, answer) in slots.iter().zip(["one", "two"]) {
        let answer = answer.to_owned();
        shop.keys.settle(&mut db, slot, &answer).await.unwrap();
    }
    shop.keys.release(&mut db, &slots[1]).await.unwrap();
    assert_eq!(shop.sell(&ana, "k", "bread").await.unwrap(), "one");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_that_was_given_back_is_free(pool: PgPool) {
    let shop = Shop::new(pool);
    let ana = caller(1, 7);
    let mut db = shop.pool.acquire().await.unwrap();
    let asked = Asked::new(&ana, "sell", "k", &"bread".to_owned()).unwrap();
    let claim = shop
        .keys
        .claim::<String>(&mut db, shop.clock.now(), asked)
        .await;
    let Claim::Taken(slot) = claim.unwrap() else {
        panic!("nobody has answered");
    };
    shop.keys.release(&mut db, &slot).await.unwrap();
    shop.sell(&ana, "k", "milk").await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn neither_request_nor_answer_can_be_read_in_the_table(pool: PgPool) {
    let shop = Shop::new(pool);
    shop.sell(&caller(1, 7), "k", "secret").await.unwrap();
    let readable = "SELECT position('secret'::bytea IN request || answer) > 0
                    FROM shop.idempotency_key";
    let readable: bool = sqlx::query_scalar(readable)
        .fetch_one(&shop.pool)
        .await
        .unwrap();
    assert!(!readable);

    // A row that was moved to somebody else answers nothing.
    sqlx::query("UPDATE shop.idempotency_key SET owner = 'edge|2|7'")
        .execute(&shop.pool)
        .await
        .unwrap();
    let broken = shop.sell(&caller(2, 7), "k", "secret").await.unwrap_err();
    assert_eq!(broken.code(), ErrorCode::Internal);
}

#[test]
fn what_cannot_be_kept_is_no_key() {
    let ana = caller(1, 7);
    for key in ["k".repeat(LONGEST_KEY + 1), "a\0b".to_owned()] {
        let refused = Asked::new(&ana, "sell", &key, &String::new()).unwrap_err();
        assert_eq!(refused.violations()[0].field, "Idempotency-Key");
    }
    let longest = "k".repeat(LONGEST_KEY);
    assert!(Asked::new(&ana, "sell", &longest, &String::new()).is_ok());
}
