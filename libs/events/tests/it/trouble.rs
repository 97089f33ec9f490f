//! Little room, large events, and logs that are not what they were.

use std::time::Duration;

use events::{Bus, MemoryBus, NewEvent, Outbox};
use proto::events::v1::UserChanged;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::pipeline::{World, soon};

/// A relay has connections of its own: it takes none from those who work.
#[sqlx::test(migrations = "tests/migrations")]
async fn a_relay_leaves_the_pool_alone(pool: PgPoolOptions, database: PgConnectOptions) {
    let pool = pool
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(2))
        .connect_with(database)
        .await
        .unwrap();
    let world = World::new(pool);
    world.relay(world.bus.clone());
    for number in 1..=2 {
        world.record(number, 1).await;
        soon(async {
            let head = "SELECT position FROM sample.outbox_head";
            while sqlx::query_scalar::<_, i64>(head)
                .fetch_one(&world.pool)
                .await
                .unwrap()
                < number
            {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// However large events are, a page of them can be read.
#[sqlx::test(migrations = "tests/migrations")]
async fn large_events_come_in_small_pages(pool: PgPool) {
    let world = World::new(pool);
    let data = UserChanged {
        name: "a".repeat(1024 * 1024),
        ..UserChanged::default()
    };
    let outbox = Outbox::new("sample");
    let mut transaction = world.pool.begin().await.unwrap();
    for number in 0..70 {
        let event = NewEvent {
            kind: "user.changed",
            company: 3,
            subject: format!("user-{number}"),
            data: &data,
        };
        let now = world.clock.now();
        outbox.append(&mut transaction, now, event).await.unwrap();
    }
    transaction.commit().await.unwrap();
    world.relay(Bus::Memory(MemoryBus::default()));
    world.consume(world.bus.clone());
    assert_eq!(world.effects_reach(70).await.len(), 70);
}

/// The owner's database was restored from a copy: the positions begin again where the copy
/// ends, and what is new is not taken for known.
#[sqlx::test(migrations = "tests/migrations")]
async fn a_log_that_went_back_is_followed_from_there(pool: PgPool) {
    let world = World::new(pool);
    world.relay(world.bus.clone());
    world.consume(world.bus.clone());
    world.record(1, 2).await;
    world.effects_reach(2).await;
    // As a consumer who had come much further than the log reaches now.
    sqlx::query("UPDATE sample.event_cursor SET position = 1000")
        .execute(&world.pool)
        .await
        .unwrap();
    soon(async {
        let cursor = "SELECT position FROM sample.event_cursor";
        while sqlx::query_scalar::<_, i64>(cursor)
            .fetch_one(&world.pool)
            .await
            .unwrap()
            != 2
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    world.record(4, 2).await;
    let effects = world.effects_reach(4).await;
    let positions: Vec<i64> = effects.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, [1, 2, 3, 4]);
}

/// What was trimmed is lost, and what comes after it is not.
#[sqlx::test(migrations = "tests/migrations")]
async fn a_consumer_too_late_goes_on_with_what_is_left(pool: PgPool) {
    let world = World::new(pool);
    world.relay(world.bus.clone());
    world.record(1, 2).await;
    soon(async {
        let trim = "DELETE FROM sample.outbox WHERE position IS NOT NULL";
        let mut trimmed = 0;
        while trimmed < 2 {
            trimmed += sqlx::query(trim)
                .execute(&world.pool)
                .await
                .unwrap()
                .rows_affected();
        }
    })
    .await;
    world.consume(world.bus.clone());
    soon(async {
        let cursor = "SELECT max(position) FROM sample.event_cursor";
        while sqlx::query_scalar::<_, Option<i64>>(cursor)
            .fetch_one(&world.pool)
            .await
            .unwrap()
            != Some(2)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    world.record(4, 1).await;
    assert_eq!(world.effects_reach(1).await, [(3, "user-4".to_owned())]);
}
