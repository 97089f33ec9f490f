//! Demo data.

use identity::demo;
use sqlx::PgPool;

use crate::rig::{PASSWORD, PLATFORM, Rig};

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn seeding_again_changes_nothing(pool: PgPool) {
    let rig = Rig::start(pool).await;
    sqlx::query("UPDATE identity.users SET name = 'Renamed' WHERE user_id = 7")
        .execute(&rig.pool)
        .await
        .unwrap();
    let before = everything(&rig.pool).await;
    demo::seed(&rig.pool, &rig.config).await.unwrap();
    assert_eq!(everything(&rig.pool).await, before);
    assert!(rig.authenticate(PLATFORM, "").await.is_ok());
    for email in ["super@atencion.test", "juan@empresa.com", "admin@otra.test"] {
        assert!(rig.login(email, PASSWORD).await.is_ok(), "{email}");
    }
}

fn rows_contain(rows: &[String], start: &str) -> bool {
    rows.iter().any(|row| row.starts_with(start))
}

/// The rows that seeding may touch, and how many events tell about users.
async fn everything(pool: &PgPool) -> (Vec<String>, i64) {
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT u::text FROM identity.users u
         UNION ALL SELECT c::text FROM identity.api_client c
         UNION ALL SELECT s::text FROM identity.api_client_secret s
         UNION ALL SELECT d::text FROM identity.pin_device d
         UNION ALL SELECT p::text FROM identity.sso_product p
         UNION ALL SELECT i::text FROM identity.internal_user i
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM identity.outbox WHERE type = 'user.changed'")
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(events, 5);
    let mark = |text: &str| rows_contain(&rows, text);
    assert!(
        mark("(7,99,") && mark("(atencion,") && mark("(2462,dnunez,"),
        "{rows:?}"
    );
    (rows, events)
}
