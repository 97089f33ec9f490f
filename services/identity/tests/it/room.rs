//! The number of users that the plan of a company allows.

use chassis::{ErrorCode, code::Refusal};
use proto::{
    events::v1::CompanyChanged,
    identity::v1::{CreateUserRequest, UpdateUserStatusRequest},
};
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::{
    people::{ana, create, know_companies, platform, rig, update},
    rig::{Rig, Tenancy, answer},
};

/// The active users of company 3 in the demonstration.
const ACTIVE: i64 = 4;

async fn allow(rig: &Rig, most: i64) {
    sqlx::query("UPDATE identity.company SET max_users = $1 WHERE company_id = 3")
        .bind(most)
        .execute(&rig.pool)
        .await
        .unwrap();
}

async fn switch(rig: &Rig, user_id: i64, active: bool) -> Result<(), Refusal> {
    let asked = UpdateUserStatusRequest { user_id, active };
    let call = rig.call(&platform());
    let made = rig.users().update_user_status(call.request(asked)).await;
    answer(made).map(|_| ())
}

fn full(refused: &Refusal) -> bool {
    let limit = ("company".to_owned(), "PLAN_LIMIT".to_owned());
    refused.code == ErrorCode::InvalidInput && refused.fields == [limit]
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn a_company_has_the_active_users_that_its_plan_allows(pool: PgPool) {
    let rig = rig(pool).await;
    allow(&rig, ACTIVE + 1).await;
    let first = create(&rig, &platform(), ana("a@empresa.com"))
        .await
        .unwrap();
    let refused = create(&rig, &platform(), ana("b@empresa.com")).await;
    assert!(full(&refused.unwrap_err()));
    let off = CreateUserRequest {
        active: Some(false),
        ..ana("b@empresa.com")
    };
    let second = create(&rig, &platform(), off).await.unwrap();

    assert!(full(&switch(&rig, second.user_id, true).await.unwrap_err()));
    switch(&rig, first.user_id, false).await.unwrap();
    switch(&rig, second.user_id, true).await.unwrap();
    // Users who are there already go on as they are.
    allow(&rig, 0).await;
    let by = platform();
    let renamed = update(&rig, &by, second.user_id, |change| {
        change.name = Some("Otro nombre".to_owned());
    });
    assert!(renamed.await.unwrap().1);

    let elsewhere = update(&rig, &by, 16, |change| {
        change.company_id = Some(3);
        change.department_id = Some(7);
    });
    assert!(full(&elsewhere.await.unwrap_err()));
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn many_at_once_do_not_share_the_last_place(pool: PgPool) {
    let rig = rig(pool).await;
    allow(&rig, ACTIVE + 1).await;
    let mut crowd = JoinSet::new();
    for number in 0..6 {
        let (mut users, call) = (rig.users(), rig.call(&platform()));
        let new = ana(&format!("ana{number}@empresa.com"));
        crowd.spawn(async move { users.create_user(call.request(new)).await });
    }
    let made = crowd.join_all().await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn the_limit_comes_with_the_news_of_the_company(pool: PgPool) {
    let tenancy = Tenancy::default();
    let rig = Rig::start_beside(pool, tenancy.clone()).await;
    know_companies(&rig.pool).await;
    tenancy.announce(
        "company.changed",
        &CompanyChanged {
            company_id: 3,
            name: "Empresa Demo".to_owned(),
            active: true,
            max_users: Some(1),
            ..CompanyChanged::default()
        },
    );
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let mut number = 0;
    loop {
        number += 1;
        let new = ana(&format!("ana{number}@empresa.com"));
        match create(&rig, &platform(), new).await {
            Err(refused) => return assert!(full(&refused), "{refused:?}"),
            Ok(_) => assert!(tokio::time::Instant::now() < deadline, "no limit"),
        }
    }
}
