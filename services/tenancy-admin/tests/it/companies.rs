//! Companies: who is shown what, and what a change does.

use auth::{Authority, Caller, Role};
use chassis::{ErrorCode, code::Refusal};
use proto::{
    common::v1::PageRequest,
    events::v1::CompanyChanged,
    tenancy::v1::{
        Company, GetCompanyRequest, ListCompaniesRequest, UpdateCompanyRequest,
        UpdateCompanyResponse,
    },
};
use sqlx::PgPool;

use crate::rig::{Rig, admin, answer, edge_for, platform, with_user};

pub async fn get(rig: &Rig, caller: &Caller, company_id: i64) -> Result<Company, Refusal> {
    let request = rig.call(caller).request(GetCompanyRequest { company_id });
    let answered = answer(rig.companies().get_company(request).await)?;
    Ok(answered.company.unwrap())
}

pub async fn list(rig: &Rig, asked: ListCompaniesRequest) -> Vec<i64> {
    let request = rig.call(&platform()).request(asked);
    let listed = answer(rig.companies().list_companies(request).await).unwrap();
    listed
        .companies
        .iter()
        .map(|found| found.company_id)
        .collect()
}

async fn update(rig: &Rig, asked: UpdateCompanyRequest) -> Result<UpdateCompanyResponse, Refusal> {
    let request = rig.call(&platform()).request(asked);
    answer(rig.companies().update_company(request).await)
}

fn of_three() -> UpdateCompanyRequest {
    UpdateCompanyRequest {
        company_id: 3,
        ..UpdateCompanyRequest::default()
    }
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_company_is_seen_by_the_platform_and_by_itself(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let own = edge_for(Authority::Company, 3);
    let company = get(&rig, &platform(), 3).await.unwrap();
    assert_eq!(
        (company.name.as_str(), company.balance.as_str()),
        ("Empresa Demo", "0")
    );
    assert_eq!(company.pay_day, "2024-12-15");
    assert_eq!(company.token, "2c359f63-95b5-4a6c-a507-7f2bfa0c3c9a");
    assert_eq!(get(&rig, &own, 3).await.unwrap(), company);
    assert_eq!(get(&rig, &admin(), 3).await.unwrap(), company);
    for (caller, id) in [
        (&edge_for(Authority::Company, 4), 3),
        (&own, 4),
        (&platform(), 5),
        (&platform(), -1),
        (&platform(), i64::MAX),
        (&admin(), 4),
    ] {
        let refused = get(&rig, caller, id).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound, "{id}");
    }
    for caller in [
        &Caller::service("edge"),
        &with_user(&platform(), Role::Chat),
    ] {
        let refused = get(&rig, caller, 3).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::PermissionDenied);
    }
    let service = get(&rig, &Caller::service("channel-connector"), 3)
        .await
        .unwrap();
    assert_eq!(service.token, "", "no service needs the token");
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn filters_and_pages_select(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let text = str::to_owned;
    let none = ListCompaniesRequest::default;
    for (asked, found) in [
        (none(), vec![3, 4]),
        (
            ListCompaniesRequest {
                name: text("EMPRESA"),
                ..none()
            },
            vec![3, 4],
        ),
        (
            ListCompaniesRequest {
                name: text("demo"),
                ..none()
            },
            vec![3],
        ),
        (
            ListCompaniesRequest {
                name: text("%"),
                ..none()
            },
            vec![],
        ),
        (
            ListCompaniesRequest {
                email: text("@OTRA"),
                ..none()
            },
            vec![4],
        ),
        (
            ListCompaniesRequest {
                plan: text("basi"),
                ..none()
            },
            vec![3, 4],
        ),
        (
            ListCompaniesRequest {
                plan: text("Inicial"),
                ..none()
            },
            vec![],
        ),
        (
            ListCompaniesRequest {
                token: text("6b0d4e1f-7a92-4c35-91de-0f8a2b6c5d04"),
                ..none()
            },
            vec![4],
        ),
        (
            ListCompaniesRequest {
                token: text("6b0d4e1f"),
                ..none()
            },
            vec![],
        ),
    ] {
        assert_eq!(list(&rig, asked.clone()).await, found, "{asked:?}");
    }
    for (page, found) in [(1, vec![3]), (2, vec![4]), (3, vec![]), (u32::MAX, vec![])] {
        let asked = ListCompaniesRequest {
            page: Some(PageRequest {
                page,
                per_page: 1,
                unpaged: false,
            }),
            ..none()
        };
        assert_eq!(list(&rig, asked).await, found, "{page}");
    }
    let listed = rig
        .companies()
        .list_companies(rig.call(&platform()).request(none()))
        .await;
    let listed = answer(listed).unwrap();
    assert_eq!(listed.page.unwrap().total, 2);
    assert_eq!(
        listed.companies[0].token,
        "2c359f63-95b5-4a6c-a507-7f2bfa0c3c9a"
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_change_is_told_and_noted_once(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let asked = UpdateCompanyRequest {
        name: Some("Empresa Demo 2".to_owned()),
        email: Some("Demo2@Empresa.com".to_owned()),
        balance: Some("-0150.7500".to_owned()),
        pay_day: Some("2024-12-20".to_owned()),
        plan_id: Some(1),
        messenger_access: Some(false),
        time_zone: Some("America/Bogota".to_owned()),
        ..of_three()
    };
    let updated = update(&rig, asked.clone()).await.unwrap();
    let company = updated.company.unwrap();
    assert!(updated.changed);
    assert_eq!(company.balance, "-150.75", "exact");
    assert_eq!(company.email, "demo2@empresa.com");
    assert_eq!(company.token, "", "a change shows no token");
    let told: CompanyChanged = rig.announced("company.changed").await;
    assert_eq!(told.max_users, Some(5), "that of the new plan");
    assert_eq!(
        (told.api_access, told.messenger_access, told.telegram_access),
        (true, false, true)
    );
    assert_eq!((told.name.as_str(), told.active), ("Empresa Demo 2", true));
    assert_eq!(told.time_zone, "America/Bogota");
    let events = rig.count("SELECT count(*) FROM tenancy.outbox").await;
    let again = update(&rig, asked).await.unwrap();
    assert!(!again.changed);
    assert_eq!(
        rig.count("SELECT count(*) FROM tenancy.outbox").await,
        events
    );
    let noted = rig.security_events().await;
    assert_eq!(noted, [("company.changed".to_owned(), Some(3), None)]);
    let fields: Vec<String> = sqlx::query_scalar(
        "SELECT jsonb_array_elements_text(details->'fields') FROM tenancy.security_event",
    )
    .fetch_all(&rig.pool)
    .await
    .unwrap();
    assert_eq!(
        fields,
        [
            "name",
            "email",
            "balance",
            "pay_day",
            "plan",
            "messenger",
            "time_zone"
        ]
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn wrong_changes_name_their_field(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    sqlx::query("UPDATE tenancy.plan SET active = false WHERE plan_id = 2")
        .execute(&rig.pool)
        .await
        .unwrap();
    let text = |text: &str| Some(text.to_owned());
    for (asked, field) in [
        (
            UpdateCompanyRequest {
                name: text(""),
                ..of_three()
            },
            "name",
        ),
        (
            UpdateCompanyRequest {
                name: Some("x".repeat(2_000_000)),
                ..of_three()
            },
            "name",
        ),
        (
            UpdateCompanyRequest {
                name: text("a\0b"),
                ..of_three()
            },
            "name",
        ),
        (
            UpdateCompanyRequest {
                email: text("nobody"),
                ..of_three()
            },
            "email",
        ),
        (
            UpdateCompanyRequest {
                balance: text("1e3"),
                ..of_three()
            },
            "balance",
        ),
        (
            UpdateCompanyRequest {
                balance: text("0.00001"),
                ..of_three()
            },
            "balance",
        ),
        (
            UpdateCompanyRequest {
                pay_day: text("2023-02-29"),
                ..of_three()
            },
            "pay_day",
        ),
        (
            UpdateCompanyRequest {
                plan_id: Some(99),
                ..of_three()
            },
            "id_plan",
        ),
        (
            UpdateCompanyRequest {
                plan_id: Some(2),
                ..of_three()
            },
            "id_plan",
        ),
        (
            UpdateCompanyRequest {
                time_zone: text("Marte/Olympus"),
                ..of_three()
            },
            "time_zone",
        ),
        (
            UpdateCompanyRequest {
                time_zone: text("\0"),
                ..of_three()
            },
            "time_zone",
        ),
    ] {
        let refused = update(&rig, asked).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{field}");
        assert_eq!(refused.fields[0].0, field);
    }
    // Whoever has a plan that is switched off keeps it.
    sqlx::query("UPDATE tenancy.plan SET active = false WHERE plan_id = 3")
        .execute(&rig.pool)
        .await
        .unwrap();
    let kept = UpdateCompanyRequest {
        plan_id: Some(3),
        name: text("Otra vez"),
        ..of_three()
    };
    assert!(update(&rig, kept).await.unwrap().changed);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn an_address_belongs_to_one_company(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let asked = UpdateCompanyRequest {
        email: Some("CONTACTO@otra.test".to_owned()),
        ..of_three()
    };
    let refused = update(&rig, asked).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::AlreadyExists);
    assert_eq!(refused.reason, "COMPANY_EMAIL_TAKEN");
}
