//! Keys are over after 48 hours.

use std::time::Duration;

use chassis::Stop;
use sqlx::PgPool;

use crate::shop::{MIGRATOR, Shop, caller};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_is_good_for_48_hours_cleaned_or_not(pool: PgPool) {
    let shop = Shop::new(pool);
    let ana = caller(1, 7);
    let first = shop.sell(&ana, "k", "bread").await.unwrap();
    shop.clock
        .advance(time::Duration::hours(48) - time::Duration::SECOND);
    assert_eq!(shop.sell(&ana, "k", "bread").await.unwrap(), first);
    shop.clock.advance(time::Duration::SECOND);
    let second = shop.sell(&ana, "k", "milk").await.unwrap();
    assert_ne!(second, first);
    assert_eq!(shop.sell(&ana, "k", "milk").await.unwrap(), second);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_cleaner_removes_what_is_over_and_nothing_else(pool: PgPool) {
    let shop = Shop::new(pool);
    sqlx::query(
        "INSERT INTO shop.idempotency_key (owner, operation, key, id, request, created_at)
         SELECT 'edge|1|7', 'sell', 'old-' || n, gen_random_uuid(), '', $1
         FROM generate_series(1, 2500) n",
    )
    .bind(shop.clock.now())
    .execute(&shop.pool)
    .await
    .unwrap();
    shop.clock.advance(time::Duration::hours(48));
    shop.sell(&caller(1, 7), "young", "bread").await.unwrap();

    let stop = Stop::default();
    let cleaning = shop
        .keys
        .clone()
        .clean(shop.pool.clone(), shop.clock.clone(), stop.clone());
    let cleaning = tokio::spawn(cleaning);
    let gone = async {
        while shop.count("idempotency_key").await > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .expect("what is over stays");
    stop.request();
    cleaning.await.unwrap().unwrap();
    assert_eq!(shop.count("idempotency_key").await, 1);
}
