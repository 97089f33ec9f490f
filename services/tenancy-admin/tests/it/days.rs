//! The access log day by day: room is made ahead, and old days go.

use std::time::{Duration, Instant};

use chassis::Lifecycle;
use sqlx::PgPool;
use time::{OffsetDateTime, ext::NumericalDuration};

use crate::{
    accesses::{NOON, append, record},
    rig::Rig,
};

/// Lets the tasks of tenancy-admin run at `now` until `wanted` is true.
async fn run_until(pool: &PgPool, now: OffsetDateTime, wanted: &'static str) {
    let lifecycle = Lifecycle::new(Duration::from_secs(5));
    let (_rig, tasks) = Rig::start_at(pool.clone(), now, lifecycle.stop()).await;
    for task in tasks {
        lifecycle.spawn(task);
    }
    let began = Instant::now();
    while !sqlx::query_scalar::<_, bool>(wanted)
        .fetch_one(pool)
        .await
        .unwrap()
    {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lifecycle.stop().request();
    lifecycle.run().await;
}

/// Each row and the table it is in, oldest first.
async fn places(pool: &PgPool) -> Vec<(i64, String)> {
    sqlx::query_as(
        "SELECT bitacora_id, tableoid::regclass::text FROM tenancy.bitacora ORDER BY occurred_at",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

const DAY: i64 = 24 * 60 * 60;

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_day_has_its_table_and_goes_when_it_is_old(pool: PgPool) {
    let rig = Rig::start(pool.clone()).await;
    let noon = OffsetDateTime::from_unix_timestamp(NOON).unwrap();
    // Nobody has made a table yet; and one clock is years ahead.
    let early = vec![record(1, -DAY), record(2, 0), record(3, 4000 * DAY)];
    append(&rig, vec![early]).await.unwrap();
    let stray = "tenancy.bitacora_stray".to_owned();
    assert!(places(&pool).await.iter().all(|(_, table)| *table == stray));

    // Today, a week ahead, and yesterday, of which there is a row.
    let nine = "SELECT count(*) = 10 FROM pg_inherits
                WHERE inhparent = 'tenancy.bitacora'::regclass";
    run_until(&pool, noon, nine).await;
    append(&rig, vec![vec![record(4, 7 * DAY)]]).await.unwrap();
    let expected = [
        (1, "tenancy.bitacora_20260104".to_owned()),
        (2, "tenancy.bitacora_20260105".to_owned()),
        (4, "tenancy.bitacora_20260112".to_owned()),
        (3, stray.clone()),
    ];
    assert_eq!(places(&pool).await, expected);
    // What moved is still known.
    append(&rig, vec![vec![record(1, -DAY), record(2, 0)]])
        .await
        .unwrap();
    assert_eq!(places(&pool).await.len(), 4);

    // Ninety days are kept, today not counted.
    let gone = "SELECT to_regclass('tenancy.bitacora_20260104') IS NULL";
    run_until(&pool, noon + 90.days(), gone).await;
    assert_eq!(places(&pool).await, expected[1..]);

    // A row that comes when its day is gone does not stay.
    append(&rig, vec![vec![record(5, -DAY)]]).await.unwrap();
    let tidy = "SELECT count(*) = 1 FROM tenancy.bitacora_stray";
    run_until(&pool, noon + 90.days(), tidy).await;
    assert_eq!(places(&pool).await, expected[1..]);

    let all_gone = "SELECT to_regclass('tenancy.bitacora_20260112') IS NULL";
    run_until(&pool, noon + 98.days(), all_gone).await;
    assert_eq!(places(&pool).await, [(3, stray)]);
}
