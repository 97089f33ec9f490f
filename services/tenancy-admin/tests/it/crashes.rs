//! The process dies by SIGKILL in the middle of a creation. The test starts its
//! own binary once more, in which one test of this file creates a company and
//! dies on the way.

use std::{os::unix::process::ExitStatusExt, process::Command};

use proto::{identity::v1::CreateUserRequest, identity::v1::Role};
use sqlx::{PgPool, Row};
use time::Duration;

use crate::{
    creation::{ROWS, create, documented, visible},
    identity::Identity,
    rig::{Rig, until},
};

/// Names the database to the process that is to die.
const DATABASE: &str = "TENANCY_TEST_DATABASE";

/// Runs [`the_one_that_dies`] in a process of its own.
fn die_at(point: &str, pool: &PgPool) {
    let options = pool.connect_options();
    let name = options.get_database().unwrap().to_owned();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crashes::the_one_that_dies"])
        .env("ATENCION_CRASH_AT", point)
        .env(DATABASE, name)
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(9), "it never came to {point}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "one test talks to another")]
async fn the_one_that_dies() {
    let Ok(database) = std::env::var(DATABASE) else {
        // Only the tests below give it something to do.
        return;
    };
    let url = std::env::var("DATABASE_URL").unwrap();
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let pool = PgPool::connect_with(options.database(&database))
        .await
        .unwrap();
    let rig = Rig::start(pool).await;
    let _ = create(&rig, documented()).await;
}

async fn left_behind(pool: &PgPool) -> (i64, String, i64) {
    let row = sqlx::query(
        "SELECT company_id, company.uuid::text, department_id FROM tenancy.company
         JOIN tenancy.department USING (company_id) WHERE state = 'provisioning'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_company_without_administrator_is_removed(pool: PgPool) {
    let rig = Rig::with_demo(pool.clone()).await;
    die_at("company.provisioned", &pool);
    left_behind(&pool).await;
    assert_eq!(visible(&rig).await.len(), 2);
    rig.clock.advance(Duration::minutes(11));
    let _late = Rig::restarted(pool, Identity::default(), rig.clock.clone()).await;
    until("the removal", async || rig.count(ROWS).await == 7).await;
    assert_eq!(visible(&rig).await.len(), 2);
    create(&rig, documented()).await.unwrap();
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_company_with_administrator_is_finished(pool: PgPool) {
    let rig = Rig::with_demo(pool.clone()).await;
    die_at("company.user_created", &pool);
    let (company_id, key, department_id) = left_behind(&pool).await;
    assert_eq!(visible(&rig).await.len(), 2);
    // The identity of the dead process died with it; this is what it knew.
    let identity = Identity::default();
    identity.remember(CreateUserRequest {
        name: "Admin Demo".to_owned(),
        email: "admin@empresa.com".to_owned(),
        role: Role::Admin.into(),
        password: "Secret123".to_owned(),
        company_id,
        department_id,
        idempotency_key: key,
        ..CreateUserRequest::default()
    });
    rig.clock.advance(Duration::minutes(11));
    let late = Rig::restarted(pool, identity, rig.clock.clone()).await;
    until("the end", async || visible(&late).await.len() == 3).await;
    assert_eq!(
        late.security_events().await.pop().unwrap().0,
        "company.created"
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn the_same_request_goes_on_after_a_crash(pool: PgPool) {
    let rig = Rig::with_demo(pool.clone()).await;
    die_at("company.provisioned", &pool);
    create(&rig, documented()).await.unwrap_err();
    rig.clock.advance(Duration::minutes(1));
    create(&rig, documented()).await.unwrap();
    assert_eq!(visible(&rig).await.len(), 3);
    assert_eq!(rig.identity.users().len(), 1);
}
