//! A company comes to be together with its administrator, or not at all.

use auth::{Caller, ClientId};
use chassis::{ErrorCode, code::Refusal};
use proto::{
    events::v1::{CompanyChanged, DepartmentChanged},
    tenancy::v1::{CreateCompanyRequest, CreateCompanyResponse, ListCompaniesRequest},
};
use sqlx::PgPool;
use time::Duration;

use crate::{
    identity::Mood,
    rig::{Rig, answer, platform, until},
};

/// The documented request.
pub fn documented() -> CreateCompanyRequest {
    CreateCompanyRequest {
        name: "Empresa Nueva".to_owned(),
        email: "Nueva@empresa.com".to_owned(),
        plan_id: 2,
        balance: "0".to_owned(),
        pay_day: "2024-12-15".to_owned(),
        user_name: "Admin Demo".to_owned(),
        user_email: "admin@empresa.com".to_owned(),
        password: "Secret123".to_owned(),
        ..CreateCompanyRequest::default()
    }
}

pub async fn create(
    rig: &Rig,
    asked: CreateCompanyRequest,
) -> Result<CreateCompanyResponse, Refusal> {
    create_as(rig, &platform(), asked).await
}

async fn create_as(
    rig: &Rig,
    caller: &Caller,
    asked: CreateCompanyRequest,
) -> Result<CreateCompanyResponse, Refusal> {
    let request = rig.call(caller).request(asked);
    answer(rig.companies().create_company(request).await)
}

/// The names of the companies that anybody can see.
pub async fn visible(rig: &Rig) -> Vec<String> {
    let request = rig
        .call(&platform())
        .request(ListCompaniesRequest::default());
    let listed = answer(rig.companies().list_companies(request).await).unwrap();
    listed
        .companies
        .into_iter()
        .map(|found| found.name)
        .collect()
}

pub const ROWS: &str = "SELECT (SELECT count(*) FROM tenancy.company)
    + (SELECT count(*) FROM tenancy.department) + (SELECT count(*) FROM tenancy.faq)";

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn everything_is_made_and_told_at_once(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let created = create(&rig, documented()).await.unwrap();
    let company = created.company.unwrap();
    let department = created.department.unwrap();
    let user = created.user.unwrap();
    let faq = created.faq.unwrap();
    assert_eq!(company.email, "nueva@empresa.com");
    assert_eq!(company.token.len(), 36);
    assert_eq!(company.time_zone, "America/Costa_Rica");
    assert!(!company.api_access && !company.messenger_access && !company.telegram_access);
    assert_eq!(department.name, "GENERAL");
    assert_eq!(
        (user.company_id, user.department_id),
        (company.company_id, department.department_id)
    );
    assert_eq!(
        (faq.company_id, faq.department_ids),
        (company.company_id, vec![0])
    );
    assert_eq!(rig.identity.users(), [user]);
    let told: CompanyChanged = rig.announced("company.changed").await;
    assert_eq!(
        (told.company_id, told.active, told.max_users),
        (company.company_id, true, Some(100))
    );
    let told: DepartmentChanged = rig.announced("department.changed").await;
    assert_eq!(told.department_id, department.department_id);
    let noted = rig.security_events().await;
    assert_eq!(
        noted,
        [("company.created".to_owned(), Some(company.company_id), None)]
    );
    let stored: Vec<String> = sqlx::query_scalar(
        "SELECT c::text FROM tenancy.company c UNION ALL SELECT e::text FROM tenancy.security_event e",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    assert!(
        stored
            .iter()
            .all(|row| !row.contains("Secret123") && !row.contains(&company.token))
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn wrong_fields_are_all_told(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let asked = CreateCompanyRequest {
        name: String::new(),
        email: "nobody".to_owned(),
        balance: "NaN".to_owned(),
        pay_day: "hoy".to_owned(),
        user_name: "x".repeat(1_000_000),
        user_email: "a b@c".to_owned(),
        password: "short".to_owned(),
        ..documented()
    };
    let refused = create(&rig, asked).await.unwrap_err();
    let fields: Vec<&str> = refused
        .fields
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "name",
            "email",
            "balance",
            "pay_day",
            "user_name",
            "user_email",
            "password"
        ]
    );
    for (asked, field) in [
        (
            CreateCompanyRequest {
                plan_id: 99,
                ..documented()
            },
            "id_plan",
        ),
        (
            CreateCompanyRequest {
                plan_id: -1,
                ..documented()
            },
            "id_plan",
        ),
        (
            CreateCompanyRequest {
                time_zone: "Nowhere".to_owned(),
                ..documented()
            },
            "time_zone",
        ),
        // What identity alone refuses comes back under the name it has here.
        (
            CreateCompanyRequest {
                user_name: "refused".to_owned(),
                ..documented()
            },
            "user_name",
        ),
    ] {
        let refused = create(&rig, asked).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.fields[0].0.as_str()),
            (ErrorCode::InvalidInput, field)
        );
    }
    assert_eq!(visible(&rig).await.len(), 2);
    assert_eq!(rig.count(ROWS).await, 7, "nothing is left behind");
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn addresses_that_are_taken_are_conflicts_on_either_side(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let asked = CreateCompanyRequest {
        email: "DEMO@empresa.com".to_owned(),
        ..documented()
    };
    let refused = create(&rig, asked).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (ErrorCode::AlreadyExists, "COMPANY_EMAIL_TAKEN")
    );
    create(&rig, documented()).await.unwrap();
    let rows = rig.count(ROWS).await;
    let asked = CreateCompanyRequest {
        email: "tercera@empresa.com".to_owned(),
        ..documented()
    };
    let refused = create(&rig, asked).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (ErrorCode::AlreadyExists, "USER_EMAIL_TAKEN")
    );
    assert_eq!(rig.count(ROWS).await, rows, "the company is taken back");
    let noted = rig.security_events().await;
    assert_eq!(noted.last().unwrap().0, "company.abandoned");
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn of_many_at_once_exactly_one_wins(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let asking: Vec<_> = (0..12)
        .map(|_| {
            let mut companies = rig.companies();
            let request = rig.call(&platform()).request(documented());
            tokio::spawn(async move { answer(companies.create_company(request).await) })
        })
        .collect();
    let mut won = 0;
    for asked in asking {
        match asked.await.unwrap() {
            Ok(_) => won += 1,
            Err(refused) => assert_eq!(refused.code, ErrorCode::AlreadyExists),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(rig.identity.users().len(), 1);
    assert_eq!(visible(&rig).await.len(), 3);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn without_identity_nothing_is_left_when_it_was_never_asked(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    rig.identity.be(Mood::Gone);
    let refused = create(&rig, documented()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert_eq!(rig.count(ROWS).await, 7);
    rig.identity.be(Mood::Well);
    create(&rig, documented()).await.unwrap();
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn the_same_request_goes_on_where_an_answer_was_lost(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    for mood in [Mood::Away, Mood::LosesAnswers] {
        rig.identity.be(mood);
        let refused = create(&rig, documented()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unavailable, "{mood:?}");
        assert_eq!(visible(&rig).await.len(), 2, "invisible so far");
    }
    rig.identity.be(Mood::Well);
    let other = CreateCompanyRequest {
        name: "Otro nombre".to_owned(),
        ..documented()
    };
    let refused = create(&rig, other).await.unwrap_err();
    assert_eq!(
        refused.code,
        ErrorCode::AlreadyExists,
        "another request does not take it over"
    );
    let created = create(&rig, documented()).await.unwrap();
    assert_eq!(rig.identity.users(), [created.user.unwrap()]);
    assert_eq!(visible(&rig).await.len(), 3);
    let refused = create(&rig, documented()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::AlreadyExists, "it is there now");
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_key_makes_repetitions_harmless(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let keyed = || CreateCompanyRequest {
        idempotency_key: "k-1".to_owned(),
        ..documented()
    };
    rig.identity.be(Mood::LosesAnswers);
    assert_eq!(
        create(&rig, keyed()).await.unwrap_err().code,
        ErrorCode::Unavailable
    );
    rig.identity.be(Mood::Well);
    let first = create(&rig, keyed()).await.unwrap();
    assert_eq!(create(&rig, keyed()).await.unwrap(), first);
    let other = CreateCompanyRequest {
        balance: "1".to_owned(),
        ..keyed()
    };
    let refused = create(&rig, other).await.unwrap_err();
    assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
    let mut stranger = platform();
    stranger.client.as_mut().unwrap().id = ClientId(77);
    let refused = create_as(&rig, &stranger, keyed()).await.unwrap_err();
    assert_eq!(
        refused.reason, "COMPANY_EMAIL_TAKEN",
        "keys of others say nothing"
    );
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let mut companies = rig.companies();
            let asked = CreateCompanyRequest {
                email: "cuarta@empresa.com".to_owned(),
                user_email: "cuarta@empresa.com".to_owned(),
                idempotency_key: "k-2".to_owned(),
                ..documented()
            };
            let request = rig.call(&platform()).request(asked);
            tokio::spawn(async move { answer(companies.create_company(request).await) })
        })
        .collect();
    let mut ids = Vec::new();
    for asked in asking {
        ids.push(asked.await.unwrap().unwrap().company.unwrap().company_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "all of them are the same company");
    assert_eq!(rig.identity.users().len(), 2);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn what_stands_still_is_finished_or_removed(pool: PgPool) {
    for (mood, seen) in [(Mood::Away, false), (Mood::LosesAnswers, true)] {
        let rig = Rig::with_demo(pool.clone()).await;
        rig.identity.be(mood);
        create(&rig, documented()).await.unwrap_err();
        rig.identity.be(Mood::Well);
        rig.clock.advance(Duration::minutes(9));
        let early = Rig::restarted(pool.clone(), rig.identity.clone(), rig.clock.clone()).await;
        tokio::task::yield_now().await;
        assert_eq!(visible(&early).await.len(), 2, "not yet");
        drop(early);
        rig.clock.advance(Duration::minutes(1));
        let late = Rig::restarted(pool.clone(), rig.identity.clone(), rig.clock.clone()).await;
        let waiting = "SELECT count(*) FROM tenancy.company WHERE state = 'provisioning'";
        until("the end", async || late.count(waiting).await == 0).await;
        assert_eq!(
            visible(&late).await.len(),
            if seen { 3 } else { 2 },
            "{mood:?}"
        );
        let last = late.security_events().await.pop().unwrap().0;
        if seen {
            assert_eq!(last, "company.created");
        } else {
            assert_eq!(late.count(ROWS).await, 7);
            assert_eq!(last, "company.abandoned");
        }
    }
}
