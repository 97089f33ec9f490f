//! The apps of companies: made when a company appears, fixed for the demo.

use realtime_broadcast::demo;
use sqlx::PgPool;

use crate::{
    client::Client,
    world::{World, until},
};

async fn key_of(pool: &PgPool, company: i64) -> Option<String> {
    sqlx::query_scalar("SELECT key FROM realtime.app WHERE company_id = $1")
        .bind(company)
        .fetch_optional(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn every_company_gets_a_key_of_its_own(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    world.company_changed(5, true).await;
    world.company_changed(6, true).await;
    // Heard again with another name, the company keeps its app.
    world.company_changed(5, true).await;
    let six = until("company 6", || key_of(&pool, 6)).await;
    let five = key_of(&pool, 5).await.unwrap();
    assert_ne!(five, six);
    assert_eq!(five.len(), 20);
    Client::connect(&node.url_with(&five, "?protocol=7")).await;
}

#[sqlx::test(migrator = "realtime_broadcast::MIGRATOR")]
async fn the_demo_key_replaces_whatever_key_the_company_had(pool: PgPool) {
    let world = World::new(&pool).await;
    let node = world.node().await;
    for _ in 0..2 {
        demo::seed(&pool, &world.config).await.unwrap();
        assert_eq!(key_of(&pool, 3).await.as_deref(), Some("atencion"));
    }
    Client::connect(&node.url_with("atencion", "?protocol=7")).await;
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT secret_sealed FROM realtime.app WHERE company_id = 3")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("secret"));
}
