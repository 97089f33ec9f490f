//! Plans.

use chassis::{ErrorCode, code::Refusal};
use proto::tenancy::v1::{
    CreatePlanRequest, ListPlansRequest, Plan, UpdatePlanStatusRequest, UpdatePlanStatusResponse,
};
use sqlx::PgPool;

use crate::rig::{Rig, admin, answer, platform};

fn documented() -> CreatePlanRequest {
    let text = str::to_owned;
    CreatePlanRequest {
        name: text("Basico"),
        total_dau: text("1000"),
        price_additional_dau: text("0.05"),
        no_dau: text("500"),
        plan_price: text("49.9"),
        price_chatbot: String::new(),
        price_api: text("0"),
        price_messenger: text("0"),
        price_telegram: text("0"),
        price_whatsapp: text("10"),
        price_agent: text("15"),
        max_users: 20,
        idempotency_key: String::new(),
    }
}

async fn create(rig: &Rig, asked: CreatePlanRequest) -> Result<Plan, Refusal> {
    let request = rig.call(&platform()).request(asked);
    Ok(answer(rig.plans().create_plan(request).await)?
        .plan
        .unwrap())
}

async fn set_active(
    rig: &Rig,
    plan_id: i64,
    active: bool,
) -> Result<UpdatePlanStatusResponse, Refusal> {
    let asked = UpdatePlanStatusRequest { plan_id, active };
    answer(
        rig.plans()
            .update_plan_status(rig.call(&platform()).request(asked))
            .await,
    )
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn amounts_are_kept_exactly(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let asked = CreatePlanRequest {
        plan_price: "99999999999999.9999".to_owned(),
        price_additional_dau: "0.0500".to_owned(),
        ..documented()
    };
    let made = create(&rig, asked).await.unwrap();
    assert_eq!(made.plan_id, 4, "after those of the demo data");
    assert_eq!(made.price_chatbot, "0");
    let request = rig.call(&admin()).request(ListPlansRequest::default());
    let listed = answer(rig.plans().list_plans(request).await).unwrap();
    assert_eq!(listed.page.unwrap().total, 4);
    assert_eq!(
        listed.plans[3], made,
        "what was stored is what was answered"
    );
    assert_eq!(made.plan_price, "99999999999999.9999");
    assert_eq!(made.price_additional_dau, "0.05");
    let named = ListPlansRequest {
        name: "basi".to_owned(),
        ..ListPlansRequest::default()
    };
    let listed = answer(
        rig.plans()
            .list_plans(rig.call(&admin()).request(named))
            .await,
    )
    .unwrap();
    assert_eq!(listed.plans.len(), 2);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn wrong_plans_name_the_field(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let text = str::to_owned;
    for (asked, field) in [
        (
            CreatePlanRequest {
                name: text("ab"),
                ..documented()
            },
            "name",
        ),
        (
            CreatePlanRequest {
                name: "x".repeat(101),
                ..documented()
            },
            "name",
        ),
        (
            CreatePlanRequest {
                total_dau: text("-1"),
                ..documented()
            },
            "total_dau",
        ),
        (
            CreatePlanRequest {
                no_dau: text(""),
                ..documented()
            },
            "no_dau",
        ),
        (
            CreatePlanRequest {
                plan_price: text("1.00001"),
                ..documented()
            },
            "plan_price",
        ),
        (
            CreatePlanRequest {
                price_agent: "9".repeat(1_000_000),
                ..documented()
            },
            "price_agent",
        ),
        (
            CreatePlanRequest {
                max_users: -1,
                ..documented()
            },
            "max_users",
        ),
    ] {
        let refused = create(&rig, asked).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.fields[0].0.as_str()),
            (ErrorCode::InvalidInput, field)
        );
        assert_eq!(refused.fields.len(), 1);
    }
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn switching_is_noted_once(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    for (active, changed) in [(true, false), (false, true), (false, false)] {
        let answered = set_active(&rig, 1, active).await.unwrap();
        assert_eq!(answered.changed, changed);
        assert_eq!(answered.plan.unwrap().active, active);
    }
    assert_eq!(
        rig.security_events().await,
        [("plan.disabled".to_owned(), None, Some(1))]
    );
    assert_eq!(
        set_active(&rig, 99, true).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}
