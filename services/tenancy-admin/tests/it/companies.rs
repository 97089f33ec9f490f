//! Companies.

use auth::{Authority, Caller, Role};
use chassis::{ErrorCode, code::Refusal};
use proto::tenancy::v1::{
    Company, GetCompanyRequest, company_service_client::CompanyServiceClient,
};
use sqlx::PgPool;
use tenancy_admin::demo;

use crate::rig::{Rig, answer, config, edge_for, with_user};

async fn get(rig: &Rig, caller: &Caller, company_id: i64) -> Result<Company, Refusal> {
    let request = rig.call(caller).request(GetCompanyRequest { company_id });
    let mut companies = CompanyServiceClient::new(rig.upstream.clone());
    let answered = answer(companies.get_company(request).await)?;
    Ok(answered.company.unwrap())
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_company_is_seen_by_the_platform_and_by_itself(pool: PgPool) {
    let rig = Rig::start(pool).await;
    demo::seed(&rig.pool, &config()).await.unwrap();
    let platform = edge_for(Authority::Platform, 3);
    let own = edge_for(Authority::Company, 3);
    let foreign = edge_for(Authority::Company, 4);
    let company = get(&rig, &platform, 3).await.unwrap();
    assert_eq!(
        (company.name.as_str(), company.balance.as_str()),
        ("Empresa Demo", "0")
    );
    assert_eq!(company.pay_day, "2024-12-15");
    assert_eq!(company.token, "2c359f63-95b5-4a6c-a507-7f2bfa0c3c9a");
    assert_eq!(get(&rig, &own, 3).await.unwrap(), company);
    for (caller, id) in [
        (&foreign, 3),
        (&own, 4),
        (&platform, 5),
        (&platform, -1),
        (&Caller::service("edge"), 3),
    ] {
        let refused = get(&rig, caller, id).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound, "{id}");
    }
    let agent = with_user(&platform, Role::Chat);
    let refused = get(&rig, &agent, 3).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    let admin = with_user(&platform, Role::Admin);
    assert_eq!(get(&rig, &admin, 3).await.unwrap(), company);
    let foreign = get(&rig, &admin, 4).await.unwrap_err();
    assert_eq!(foreign.code, ErrorCode::NotFound);
    sqlx::query("UPDATE tenancy.company SET state = 'deleted' WHERE company_id = 3")
        .execute(&rig.pool)
        .await
        .unwrap();
    assert_eq!(
        get(&rig, &own, 3).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}
