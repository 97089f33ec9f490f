//! Demo data.

use mail_ticket::demo;
use sqlx::PgPool;

use crate::rig::config;

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn seeding_again_changes_nothing_and_no_secret_is_stored_in_clear(pool: PgPool) {
    demo::seed(&pool, &config()).await.unwrap();
    sqlx::query("UPDATE mail.mailbox SET active = false")
        .execute(&pool)
        .await
        .unwrap();
    let before = everything(&pool).await;
    assert_eq!(before.len(), 2);
    for secret in ["demo-mail-password", "demo-synology-token"] {
        let hex = hex::encode(secret);
        for row in &before {
            assert!(!row.contains(secret) && !row.contains(&hex), "{row}");
        }
    }
    demo::seed(&pool, &config()).await.unwrap();
    assert_eq!(everything(&pool).await, before);
}

/// The rows that seeding may touch.
async fn everything(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT m::text FROM mail.mailbox m
         UNION ALL SELECT b::text FROM mail.synology_bot b
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}
