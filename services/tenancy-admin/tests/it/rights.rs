//! The table of rights against what the service does: every action, by everybody,
//! on things of the own company and of another one.

use auth::{Authority, Caller, Role};
use chassis::{ErrorCode, code::Refusal};
use proto::tenancy::v1::{
    CreateDepartmentRequest, CreateFaqRequest, CreatePlanRequest, DeleteCompanyRequest,
    GetCompanyRequest, GetDepartmentRequest, GetFaqRequest, ListCompaniesRequest,
    ListDepartmentsRequest, ListFaqsRequest, ListHolidaysRequest, ListPlansRequest,
    SetHolidaysRequest, UpdateCompanyRequest, UpdateDepartmentRequest,
    UpdateDepartmentStatusRequest, UpdateFaqRequest, UpdateFaqStatusRequest,
    UpdatePlanStatusRequest,
};
use sqlx::PgPool;
use tenancy_admin::rights::{Action, MATRIX, Rank, Reach, Right, rank};

use crate::rig::{Rig, admin, agent, answer, edge_for, platform, with_user};

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// As if the thing did not exist.
    Hidden,
    Denied,
}

fn outcome<T>(answered: Result<T, Refusal>) -> Outcome {
    match answered {
        Ok(_) => Outcome::Done,
        Err(refused) => match refused.code {
            ErrorCode::NotFound => Outcome::Hidden,
            ErrorCode::PermissionDenied => Outcome::Denied,
            ErrorCode::InvalidInput => {
                let foreign = ("company".to_owned(), "NOT_REGISTERED".to_owned());
                assert_eq!(refused.fields, [foreign]);
                Outcome::Hidden
            }
            other => panic!("{other:?}"),
        },
    }
}

/// Things of a company: its department and its FAQ.
fn things(company: i64) -> (i64, i64) {
    match company {
        3 => (7, 5),
        _ => (9, 6),
    }
}

macro_rules! attempt {
    ($rig:ident, $caller:ident, $service:ident.$rpc:ident($request:expr)) => {
        outcome(answer(
            $rig.$service()
                .$rpc($rig.call($caller).request($request))
                .await,
        ))
    };
}

/// Everything an action stands for, tried on the things of a company.
async fn attempts(rig: &Rig, caller: &Caller, action: Action, company_id: i64) -> Vec<Outcome> {
    match action {
        Action::ReadDepartments | Action::WriteDepartments => {
            on_departments(rig, caller, action, company_id).await
        }
        Action::ReadFaqs | Action::WriteFaqs => on_faqs(rig, caller, action, company_id).await,
        _ => on_companies_and_plans(rig, caller, action, company_id).await,
    }
}

async fn on_companies_and_plans(
    rig: &Rig,
    caller: &Caller,
    action: Action,
    company_id: i64,
) -> Vec<Outcome> {
    match action {
        Action::ListCompanies => vec![attempt!(
            rig,
            caller,
            companies.list_companies(ListCompaniesRequest::default())
        )],
        Action::ReadCompany => vec![attempt!(
            rig,
            caller,
            companies.get_company(GetCompanyRequest { company_id })
        )],
        Action::WriteCompanies => vec![
            attempt!(
                rig,
                caller,
                companies.update_company(UpdateCompanyRequest {
                    company_id,
                    balance: Some("1000000".to_owned()),
                    ..UpdateCompanyRequest::default()
                })
            ),
            attempt!(
                rig,
                caller,
                companies.delete_company(DeleteCompanyRequest { company_id })
            ),
        ],
        Action::ReadPlans => vec![attempt!(
            rig,
            caller,
            plans.list_plans(ListPlansRequest::default())
        )],
        Action::WritePlans => vec![
            attempt!(rig, caller, plans.create_plan(plan())),
            attempt!(
                rig,
                caller,
                plans.update_plan_status(UpdatePlanStatusRequest {
                    plan_id: 1,
                    active: false,
                })
            ),
        ],
        _ => unreachable!("another action"),
    }
}

async fn on_departments(
    rig: &Rig,
    caller: &Caller,
    action: Action,
    company_id: i64,
) -> Vec<Outcome> {
    let (department_id, _) = things(company_id);
    match action {
        Action::ReadDepartments => vec![
            attempt!(
                rig,
                caller,
                departments.get_department(GetDepartmentRequest { department_id })
            ),
            attempt!(
                rig,
                caller,
                companies.list_holidays(ListHolidaysRequest {
                    company_id,
                    ..ListHolidaysRequest::default()
                })
            ),
        ],
        Action::WriteDepartments => vec![
            attempt!(
                rig,
                caller,
                departments.create_department(CreateDepartmentRequest {
                    company_id,
                    name: format!("Nuevo {}", uuid::Uuid::new_v4()),
                    hours: None,
                    idempotency_key: String::new(),
                })
            ),
            attempt!(
                rig,
                caller,
                departments.update_department(UpdateDepartmentRequest {
                    department_id,
                    name: Some("Cambiado".to_owned()),
                    ..UpdateDepartmentRequest::default()
                })
            ),
            attempt!(
                rig,
                caller,
                departments.update_department_status(UpdateDepartmentStatusRequest {
                    department_id,
                    active: false
                })
            ),
            attempt!(
                rig,
                caller,
                companies.set_holidays(SetHolidaysRequest {
                    company_id,
                    from: "2026-01-01".to_owned(),
                    until: "2027-01-01".to_owned(),
                    holidays: Vec::new(),
                })
            ),
        ],
        _ => unreachable!("another action"),
    }
}

async fn on_faqs(rig: &Rig, caller: &Caller, action: Action, company_id: i64) -> Vec<Outcome> {
    let (_, faq_id) = things(company_id);
    match action {
        Action::ReadFaqs => vec![attempt!(
            rig,
            caller,
            faqs.get_faq(GetFaqRequest { faq_id })
        )],
        Action::WriteFaqs => vec![
            attempt!(
                rig,
                caller,
                faqs.create_faq(CreateFaqRequest {
                    company_id,
                    reply: "Hola".to_owned(),
                    department_ids: vec![0],
                    idempotency_key: String::new(),
                })
            ),
            attempt!(
                rig,
                caller,
                faqs.update_faq(UpdateFaqRequest {
                    faq_id,
                    reply: Some("Otra".to_owned()),
                    departments: None,
                })
            ),
            attempt!(
                rig,
                caller,
                faqs.update_faq_status(UpdateFaqStatusRequest {
                    faq_id,
                    active: true,
                })
            ),
        ],
        _ => unreachable!("another action"),
    }
}

fn plan() -> CreatePlanRequest {
    let zero = || "0".to_owned();
    CreatePlanRequest {
        name: "Nuevo".to_owned(),
        total_dau: zero(),
        price_additional_dau: zero(),
        no_dau: zero(),
        plan_price: zero(),
        price_api: zero(),
        price_messenger: zero(),
        price_telegram: zero(),
        ..CreatePlanRequest::default()
    }
}

/// What the table promises.
fn promised(right: Right, rank: Rank, own: bool) -> Outcome {
    match right.reach(rank) {
        Reach::Nothing => Outcome::Denied,
        Reach::All => Outcome::Done,
        Reach::Own if own => Outcome::Done,
        Reach::Own => Outcome::Hidden,
    }
}

/// Everybody who may call, by name.
fn everybody() -> Vec<(&'static str, Caller, Rank)> {
    let bound = || edge_for(Authority::Company, 3);
    let delegated = || edge_for(Authority::Delegated, 3);
    vec![
        ("client of the platform", platform(), Rank::Super),
        (
            "super user",
            with_user(&platform(), Role::Super),
            Rank::Super,
        ),
        (
            "super user through a front end",
            with_user(&delegated(), Role::Super),
            Rank::Super,
        ),
        (
            "super user through a client of a company",
            with_user(&bound(), Role::Super),
            Rank::Admin,
        ),
        ("client of a company", bound(), Rank::Admin),
        ("admin", admin(), Rank::Admin),
        (
            "admin through a client of the company",
            with_user(&bound(), Role::Admin),
            Rank::Admin,
        ),
        ("agent", agent(), Rank::Chat),
        (
            "agent through a client of the company",
            with_user(&bound(), Role::Chat),
            Rank::Chat,
        ),
        ("front end without a user", delegated(), Rank::Nobody),
        ("edge for nobody", Caller::service("edge"), Rank::Nobody),
        ("service", Caller::service("conversation"), Rank::Service),
    ]
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn the_table_holds_for_everybody(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    for (name, caller, expected) in everybody() {
        assert_eq!(rank(&caller), expected, "{name}");
        for right in MATRIX {
            for company in [3, 4] {
                let wanted = promised(*right, expected, company == 3);
                for got in attempts(&rig, &caller, right.action, company).await {
                    assert_eq!(
                        got, wanted,
                        "{name}: {:?} in company {company}",
                        right.action
                    );
                }
                bring_back(&rig).await;
            }
        }
    }
}

/// Undoes deletions, so that the next attempt finds the companies again.
async fn bring_back(rig: &Rig) {
    sqlx::query("UPDATE tenancy.company SET state = 'active', revoked_at = NULL")
        .execute(&rig.pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_refused_attempt_changes_nothing(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let before = everything(&rig.pool).await;
    for (name, caller, rank) in everybody() {
        for right in MATRIX {
            for company in [3, 4] {
                if promised(*right, rank, company == 3) != Outcome::Done {
                    attempts(&rig, &caller, right.action, company).await;
                    let after = everything(&rig.pool).await;
                    assert_eq!(after, before, "{name}: {:?}", right.action);
                }
            }
        }
    }
}

async fn everything(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT c::text FROM tenancy.company c
         UNION ALL SELECT d::text FROM tenancy.department d
         UNION ALL SELECT p::text FROM tenancy.plan p
         UNION ALL SELECT f::text FROM tenancy.faq f
         UNION ALL SELECT o::text FROM tenancy.outbox o
         UNION ALL SELECT e::text FROM tenancy.security_event e
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn lists_are_confined_without_a_word(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    for caller in [admin(), agent(), edge_for(Authority::Company, 3)] {
        for (company_id, departments, faqs) in [(0, 2, 1), (3, 2, 1), (4, 0, 0)] {
            let asked = ListDepartmentsRequest {
                company_id,
                ..ListDepartmentsRequest::default()
            };
            let listed = rig
                .departments()
                .list_departments(rig.call(&caller).request(asked))
                .await;
            let listed = answer(listed).unwrap();
            assert_eq!(listed.departments.len(), departments);
            assert_eq!(listed.page.unwrap().total, departments as u64);
            let asked = ListFaqsRequest {
                company_id,
                ..ListFaqsRequest::default()
            };
            let listed = rig.faqs().list_faqs(rig.call(&caller).request(asked)).await;
            let listed = answer(listed).unwrap();
            assert_eq!(listed.faqs.len(), faqs);
            assert_eq!(listed.page.unwrap().total, faqs as u64);
        }
    }
}
