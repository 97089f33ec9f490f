//! Creations that are repeated under a key: of plans, departments, FAQs and
//! companies.

use auth::{Caller, ClientId};
use chassis::{ErrorCode, code::Refusal};
use proto::tenancy::v1::{
    CreateCompanyRequest, CreateDepartmentRequest, CreateFaqRequest, CreatePlanRequest,
    UpdateCompanyRequest, UpdateDepartmentRequest,
};
use sqlx::PgPool;

use crate::{
    creation::documented,
    rig::{Rig, admin, answer, platform, until},
};

const KEPT: time::Duration = time::Duration::hours(48);

const PLANS: &str = "SELECT count(*) FROM tenancy.plan";
const DEPARTMENTS: &str = "SELECT count(*) FROM tenancy.department";
const FAQS: &str = "SELECT count(*) FROM tenancy.faq";
const KEYS: &str = "SELECT count(*) FROM tenancy.idempotency_key";

fn stranger() -> Caller {
    let mut stranger = platform();
    stranger.client.as_mut().unwrap().id = ClientId(77);
    stranger
}

async fn plan(rig: &Rig, caller: &Caller, name: &str) -> Result<i64, Refusal> {
    let asked = CreatePlanRequest {
        name: name.to_owned(),
        total_dau: "1".to_owned(),
        price_additional_dau: "1".to_owned(),
        no_dau: "1".to_owned(),
        plan_price: "1".to_owned(),
        price_api: "1".to_owned(),
        price_messenger: "1".to_owned(),
        price_telegram: "1".to_owned(),
        idempotency_key: "k".to_owned(),
        ..CreatePlanRequest::default()
    };
    let made = answer(
        rig.plans()
            .create_plan(rig.call(caller).request(asked))
            .await,
    )?;
    Ok(made.plan.unwrap().plan_id)
}

async fn department(rig: &Rig, caller: &Caller, name: &str) -> Result<(i64, String), Refusal> {
    let asked = CreateDepartmentRequest {
        company_id: 3,
        name: name.to_owned(),
        hours: None,
        idempotency_key: "k".to_owned(),
    };
    let call = rig.call(caller).request(asked);
    let made = answer(rig.departments().create_department(call).await)?;
    let made = made.department.unwrap();
    Ok((made.department_id, made.name))
}

async fn faq(rig: &Rig, caller: &Caller, reply: &str) -> Result<i64, Refusal> {
    let asked = CreateFaqRequest {
        company_id: 3,
        reply: reply.to_owned(),
        department_ids: vec![0],
        idempotency_key: "k".to_owned(),
    };
    let made = answer(rig.faqs().create_faq(rig.call(caller).request(asked)).await)?;
    Ok(made.faq.unwrap().faq_id)
}

async fn company(rig: &Rig, password: &str) -> Result<i64, Refusal> {
    let asked = CreateCompanyRequest {
        password: password.to_owned(),
        idempotency_key: "k".to_owned(),
        ..documented()
    };
    let call = rig.call(&platform()).request(asked);
    let made = answer(rig.companies().create_company(call).await)?;
    assert_eq!(made.company.as_ref().unwrap().name, documented().name);
    Ok(made.company.unwrap().company_id)
}

fn assert_reused<T: std::fmt::Debug>(answered: Result<T, Refusal>) {
    let refused = answered.unwrap_err();
    assert_eq!(refused.code, ErrorCode::AlreadyExists);
    assert_eq!(refused.reason, "IDEMPOTENCY_KEY_REUSED");
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_key_makes_one_of_each(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let before = (
        rig.count(PLANS).await,
        rig.count(DEPARTMENTS).await,
        rig.count(FAQS).await,
    );
    let (ours, theirs) = (platform(), stranger());

    let first = plan(&rig, &ours, "Plan uno").await.unwrap();
    assert_eq!(plan(&rig, &ours, "Plan uno").await.unwrap(), first);
    assert_reused(plan(&rig, &ours, "Plan dos").await);
    assert_ne!(plan(&rig, &theirs, "Plan uno").await.unwrap(), first);

    // The same key is another one for another operation.
    let first = department(&rig, &ours, "Cobros").await.unwrap();
    assert_eq!(department(&rig, &ours, "Cobros").await.unwrap(), first);
    assert_reused(department(&rig, &ours, "Compras").await);
    let taken = department(&rig, &theirs, "Cobros").await.unwrap_err();
    assert_eq!(taken.reason, "DEPARTMENT_NAME_TAKEN");
    department(&rig, &theirs, "Compras").await.unwrap();

    let first = faq(&rig, &ours, "Hola").await.unwrap();
    assert_eq!(faq(&rig, &ours, "Hola").await.unwrap(), first);
    assert_reused(faq(&rig, &ours, "Adiós").await);
    assert_ne!(faq(&rig, &theirs, "Hola").await.unwrap(), first);

    let after = (
        rig.count(PLANS).await,
        rig.count(DEPARTMENTS).await,
        rig.count(FAQS).await,
    );
    assert_eq!(after, (before.0 + 2, before.1 + 2, before.2 + 2));
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_repetition_hears_the_first_answer_whatever_has_changed(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let (id, name) = department(&rig, &platform(), "Cobros").await.unwrap();
    let change = UpdateDepartmentRequest {
        department_id: id,
        name: Some("Cobranza".to_owned()),
        ..UpdateDepartmentRequest::default()
    };
    let call = rig.call(&platform()).request(change);
    answer(rig.departments().update_department(call).await).unwrap();
    let again = department(&rig, &platform(), "Cobros").await.unwrap();
    assert_eq!(again, (id, name));

    let made = company(&rig, "Secret123").await.unwrap();
    let change = UpdateCompanyRequest {
        company_id: made,
        name: Some("Otro nombre".to_owned()),
        ..UpdateCompanyRequest::default()
    };
    let call = rig.call(&platform()).request(change);
    answer(rig.companies().update_company(call).await).unwrap();
    assert_eq!(company(&rig, "Secret123").await.unwrap(), made);
    // The password is part of the request, too.
    assert_reused(company(&rig, "Secret124").await);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn who_lost_the_right_hears_nothing(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let boss = admin();
    faq(&rig, &boss, "Hola").await.unwrap();
    let mut agent = boss.clone();
    agent.user.as_mut().unwrap().role = auth::Role::Chat;
    let refused = faq(&rig, &agent, "Hola").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_key_is_forgotten_after_48_hours(pool: PgPool) {
    let rig = Rig::with_demo(pool.clone()).await;
    let first = plan(&rig, &platform(), "Plan uno").await.unwrap();
    rig.clock.advance(KEPT - time::Duration::SECOND);
    assert_eq!(plan(&rig, &platform(), "Plan uno").await.unwrap(), first);
    rig.clock.advance(time::Duration::SECOND);
    assert_ne!(plan(&rig, &platform(), "Plan dos").await.unwrap(), first);

    rig.clock.advance(KEPT);
    let identity = rig.identity.clone();
    let late = Rig::restarted(pool, identity, rig.clock.clone()).await;
    until("the cleaning", async || late.count(KEYS).await == 0).await;
}
