//! A company goes: it is off at once, and identity hears of it for sure.

use chassis::{ErrorCode, code::Refusal};
use proto::{
    events::v1::CompanyChanged,
    tenancy::v1::{DeleteCompanyRequest, ListCompaniesRequest, ListDepartmentsRequest},
};
use sqlx::PgPool;

use crate::{
    companies::{get, list},
    identity::Mood,
    rig::{Rig, answer, platform, until},
};

async fn delete(rig: &Rig, company_id: i64) -> Result<(), Refusal> {
    let request = rig
        .call(&platform())
        .request(DeleteCompanyRequest { company_id });
    answer(rig.companies().delete_company(request).await).map(|_| ())
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_deleted_company_is_gone_with_all_it_has(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    delete(&rig, 3).await.unwrap();
    assert_eq!(rig.identity.revoked(), [3]);
    let told: CompanyChanged = rig.announced("company.changed").await;
    assert_eq!((told.company_id, told.active), (3, false));
    assert_eq!(
        get(&rig, &platform(), 3).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    assert_eq!(list(&rig, ListCompaniesRequest::default()).await, [4]);
    for table in ["department", "faq"] {
        let rows = match table {
            "department" => rig.count("SELECT count(*) FROM tenancy.department").await,
            _ => rig.count("SELECT count(*) FROM tenancy.faq").await,
        };
        assert!(rows > 1, "nothing is removed from {table}");
    }
    let listed = rig
        .departments()
        .list_departments(
            rig.call(&platform())
                .request(ListDepartmentsRequest::default()),
        )
        .await;
    let listed = answer(listed).unwrap().departments;
    assert!(
        listed.iter().all(|found| found.company_id == 4),
        "{listed:?}"
    );
    assert_eq!(delete(&rig, 3).await.unwrap_err().code, ErrorCode::NotFound);
    let kinds: Vec<String> = rig
        .security_events()
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    assert_eq!(kinds, ["company.deleted", "company.revoked"]);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_deletion_goes_on_until_identity_has_heard_of_it(pool: PgPool) {
    let rig = Rig::with_demo(pool.clone()).await;
    rig.identity.be(Mood::Away);
    for _ in 0..2 {
        let refused = delete(&rig, 3).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unavailable);
        let gone = get(&rig, &platform(), 3).await.unwrap_err();
        assert_eq!(gone.code, ErrorCode::NotFound, "it is off at once");
    }
    rig.identity.be(Mood::Well);
    delete(&rig, 3).await.unwrap();
    assert_eq!(rig.identity.revoked(), [3]);

    rig.identity.be(Mood::Gone);
    assert_eq!(
        delete(&rig, 4).await.unwrap_err().code,
        ErrorCode::Unavailable
    );
    rig.identity.be(Mood::Well);
    let _again = Rig::restarted(pool, rig.identity.clone(), rig.clock.clone()).await;
    let identity = rig.identity.clone();
    until("the revocation", async || identity.revoked() == [3, 4]).await;
}
