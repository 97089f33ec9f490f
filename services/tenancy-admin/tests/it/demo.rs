//! Demo data.

use prost::Message;
use proto::events::v1::{CompanyChanged, DepartmentChanged};
use sqlx::PgPool;
use tenancy_admin::demo;

use crate::rig::config;

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn seeding_again_changes_nothing(pool: PgPool) {
    demo::seed(&pool, &config()).await.unwrap();
    sqlx::query("UPDATE tenancy.department SET name = 'Renamed' WHERE department_id = 8")
        .execute(&pool)
        .await
        .unwrap();
    let before = everything(&pool).await;
    demo::seed(&pool, &config()).await.unwrap();
    assert_eq!(everything(&pool).await, before);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn companies_and_departments_are_announced_in_order(pool: PgPool) {
    demo::seed(&pool, &config()).await.unwrap();
    let events: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT type, data FROM tenancy.outbox ORDER BY seq")
            .fetch_all(&pool)
            .await
            .unwrap();
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds[..2], ["company.changed"; 2]);
    assert_eq!(kinds[2..], ["department.changed"; 3]);
    let company = CompanyChanged::decode(events[0].1.as_slice()).unwrap();
    assert_eq!((company.company_id, company.active), (3, true));
    assert_eq!(company.time_zone, "America/Costa_Rica");
    let department = DepartmentChanged::decode(events[2].1.as_slice()).unwrap();
    assert_eq!((department.department_id, department.company_id), (7, 3));
    assert!(department.active && department.hours_json.contains("08:00"));
}

/// The rows that seeding may touch, events among them.
async fn everything(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT c::text FROM tenancy.company c
         UNION ALL SELECT d::text FROM tenancy.department d
         UNION ALL SELECT p::text FROM tenancy.plan p
         UNION ALL SELECT f::text FROM tenancy.faq f
         UNION ALL SELECT o::text FROM tenancy.outbox o
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}
