//! `/api/admin/plans`: what companies subscribe to.

use axum::response::Response;
use chassis::{ErrorCode, code::refusal};
use http::StatusCode;
use proto::tenancy::v1::{
    CreatePlanRequest, ListPlansRequest, Plan, UpdatePlanStatusRequest,
    plan_service_client::PlanServiceClient,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    envelope::Page,
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, LARGEST_ANSWER, with_total},
    input::{Check, Paging},
    routes::amount::amount,
};

const NAME_REQUIRED: &str = "El nombre del plan es obligatorio.";

const STATE: &str = "El estado debe ser 0 (Inactivo) o 1 (Activo).";

const WORDING: Wording = Wording::GENERAL
    .fields(&[("name", "REQUIRED", NAME_REQUIRED)])
    .missing(Shape::Empty, "El plan indicado no existe.");

/// The largest whole price or number of users that is taken: what a JSON reader
/// keeps exact.
const LARGEST: i64 = 99_999_999_999_999;

fn service(exchange: &Exchange) -> PlanServiceClient<chassis::Upstream> {
    PlanServiceClient::new(exchange.app.upstreams.tenancy_admin.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

/// A plan as the lists show it; some keys are half in upper case.
#[derive(Serialize)]
struct Row {
    id_plan: i64,
    plan_name: String,
    #[serde(rename = "total_DAU")]
    total_dau: Box<RawValue>,
    #[serde(rename = "price_additional_DAU")]
    price_additional_dau: Box<RawValue>,
    #[serde(rename = "no_DAU")]
    no_dau: Box<RawValue>,
    #[serde(flatten)]
    prices: Prices,
}

/// A new plan: the same keys in lower case.
#[derive(Serialize)]
struct Made {
    id_plan: i64,
    plan_name: String,
    total_dau: Box<RawValue>,
    price_additional_dau: Box<RawValue>,
    no_dau: Box<RawValue>,
    #[serde(flatten)]
    prices: Prices,
}

#[derive(Serialize)]
struct Prices {
    plan_price: Box<RawValue>,
    price_chatbot: Box<RawValue>,
    price_api: Box<RawValue>,
    price_messenger: Box<RawValue>,
    price_telegram: Box<RawValue>,
    price_whatsapp: Box<RawValue>,
    price_agent: Box<RawValue>,
    max_users: i64,
}

#[derive(Serialize)]
struct Switched {
    id_plan: i64,
    state: u8,
}

fn prices(plan: &Plan) -> Result<Prices, Failure> {
    Ok(Prices {
        plan_price: amount(&plan.plan_price)?,
        price_chatbot: amount(&plan.price_chatbot)?,
        price_api: amount(&plan.price_api)?,
        price_messenger: amount(&plan.price_messenger)?,
        price_telegram: amount(&plan.price_telegram)?,
        price_whatsapp: amount(&plan.price_whatsapp)?,
        price_agent: amount(&plan.price_agent)?,
        max_users: plan.max_users,
    })
}

impl TryFrom<Plan> for Row {
    type Error = Failure;

    fn try_from(plan: Plan) -> Result<Self, Failure> {
        Ok(Self {
            id_plan: plan.plan_id,
            total_dau: amount(&plan.total_dau)?,
            price_additional_dau: amount(&plan.price_additional_dau)?,
            no_dau: amount(&plan.no_dau)?,
            prices: prices(&plan)?,
            plan_name: plan.name,
        })
    }
}

/// The filters of the lists of plans.
pub(in crate::routes) fn filters(check: &mut Check<'_>) -> ListPlansRequest {
    check.object("filters");
    ListPlansRequest {
        page: None,
        name: check.field("filters.name").text(191),
        active: None,
    }
}

/// Asks for the list and answers it under `message`.
pub(in crate::routes) async fn answer_list(
    exchange: &Exchange,
    asked: ListPlansRequest,
    message: &str,
) -> Result<Response, Failure> {
    let unpaged = asked.page.is_some_and(|page| page.unpaged);
    let answer = service(exchange)
        .list_plans(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let info = answer.page.unwrap_or_default();
    let rows: Vec<Row> = answer
        .plans
        .into_iter()
        .map(Row::try_from)
        .collect::<Result<_, _>>()?;
    Ok(if unpaged {
        with_total(exchange.answer(message, &rows), info.total)
    } else {
        exchange.answer(message, &Page::new(&info, rows))
    })
}

/// POST admin/plans/list.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = check.paging(Paging::Optional);
    let filters = filters(&mut check);
    check.done()?;
    let asked = ListPlansRequest {
        page: Some(page),
        ..filters
    };
    answer_list(&exchange, asked, "").await
}

/// A price that the documents call a whole number, as text.
fn whole(check: &mut Check<'_>, field: &'static str, required: bool) -> String {
    let mut field = check.field(field);
    if required {
        field = field.required();
    }
    field.integer(0..=LARGEST).to_string()
}

/// POST admin/plans/store.
pub async fn store(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let name = check
        .field("name")
        .required_saying(NAME_REQUIRED)
        .text_between(3, 100);
    let asked = CreatePlanRequest {
        name,
        total_dau: check.field("total_dau").required().price(),
        price_additional_dau: check.field("price_additional_dau").required().price(),
        no_dau: check.field("no_dau").required().price(),
        plan_price: check.field("plan_price").required().price(),
        price_api: whole(&mut check, "price_api", true),
        price_messenger: whole(&mut check, "price_messenger", true),
        price_telegram: whole(&mut check, "price_telegram", true),
        max_users: check.field("max_users").required().integer(0..=LARGEST),
        price_chatbot: whole(&mut check, "price_chatbot", false),
        price_whatsapp: whole(&mut check, "price_whatsapp", false),
        price_agent: whole(&mut check, "price_agent", false),
        idempotency_key: exchange.idempotency_key(&mut check),
    };
    check.done()?;
    let answer = service(&exchange)
        .create_plan(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let plan = answer.plan.unwrap_or_default();
    let data = Made {
        id_plan: plan.plan_id,
        total_dau: amount(&plan.total_dau)?,
        price_additional_dau: amount(&plan.price_additional_dau)?,
        no_dau: amount(&plan.no_dau)?,
        prices: prices(&plan)?,
        plan_name: plan.name,
    };
    Ok(exchange.created("Plan creado correctamente", &data))
}

/// PATCH admin/plans/update-status. A defect has a sentence of its own here.
pub async fn update_status(exchange: Exchange) -> Result<Response, Failure> {
    const BROKEN: &str = "Ocurrio un error al actualizar el estado del plan.";
    let mut check = exchange.check();
    let plan_id = check.field("id_plan").required().id();
    let active = check.field("state").saying(STATE).required().switch();
    check.done()?;
    let asked = UpdatePlanStatusRequest {
        plan_id,
        active: active.unwrap_or_default(),
    };
    let answer = service(&exchange)
        .update_plan_status(exchange.call()?.request(asked))
        .await
        .map_err(|status| {
            let failure = exchange.refused(&status, &WORDING);
            match refusal(&status).code {
                ErrorCode::Internal => Failure::said(StatusCode::INTERNAL_SERVER_ERROR, BROKEN),
                _ => failure,
            }
        })?
        .into_inner();
    let plan = answer.plan.unwrap_or_default();
    let message = if answer.changed {
        "Estado de plan actualizado correctamente."
    } else {
        "Sin cambios: el plan ya tenia el estado solicitado."
    };
    let data = Switched {
        id_plan: plan.plan_id,
        state: plan.active.into(),
    };
    Ok(exchange.answer(message, &data))
}
