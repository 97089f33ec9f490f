//! `PlanService`: decode, call, encode.

use auth::Caller;
use idempotency::{Asked, Begun};
use proto::tenancy::v1::{
    self as pb, CreatePlanRequest, CreatePlanResponse, ListPlansRequest, ListPlansResponse,
    UpdatePlanStatusRequest, UpdatePlanStatusResponse, plan_service_server::PlanService,
};
use tonic::{Request, Response, Status};

use super::{Plan, Plans};
use crate::{
    error::Error,
    paging,
    rights::{Action, permit},
};

#[tonic::async_trait]
impl PlanService for Plans {
    async fn list_plans(
        &self,
        request: Request<ListPlansRequest>,
    ) -> Result<Response<ListPlansResponse>, Status> {
        let asked = request.get_ref();
        let page = paging::page(asked.page);
        let (plans, total) = self
            .list(auth::caller(&request)?, &asked.name, asked.active, page)
            .await?;
        Ok(Response::new(ListPlansResponse {
            plans: plans.into_iter().map(encode).collect(),
            page: Some(paging::info(page, total)),
        }))
    }

    async fn create_plan(
        &self,
        request: Request<CreatePlanRequest>,
    ) -> Result<Response<CreatePlanResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.create_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn update_plan_status(
        &self,
        request: Request<UpdatePlanStatusRequest>,
    ) -> Result<Response<UpdatePlanStatusResponse>, Status> {
        let asked = request.get_ref();
        let caller = auth::caller(&request)?;
        let (plan, changed) = self.set_active(caller, asked.plan_id, asked.active).await?;
        Ok(Response::new(UpdatePlanStatusResponse {
            plan: Some(encode(plan)),
            changed,
        }))
    }
}

impl Plans {
    async fn create_once(
        &self,
        caller: &Caller,
        asked: CreatePlanRequest,
    ) -> Result<CreatePlanResponse, Error> {
        // Who may not do it any more hears of no earlier answer either.
        permit(caller, Action::WritePlans)?;
        let keyed = Asked::new(caller, "CreatePlan", &asked.idempotency_key, &asked)?;
        let mut work = match self.keys.begin(&self.pool, self.clock.now(), keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let plan = self.create(work.db(), caller, decode(asked)).await?;
        let answer = CreatePlanResponse {
            plan: Some(encode(plan)),
        };
        work.commit(&answer).await?;
        Ok(answer)
    }
}

fn decode(asked: CreatePlanRequest) -> Plan {
    Plan {
        id: 0,
        name: asked.name,
        total_dau: asked.total_dau,
        price_additional_dau: asked.price_additional_dau,
        no_dau: asked.no_dau,
        price: asked.plan_price,
        price_chatbot: asked.price_chatbot,
        price_api: asked.price_api,
        price_messenger: asked.price_messenger,
        price_telegram: asked.price_telegram,
        price_whatsapp: asked.price_whatsapp,
        price_agent: asked.price_agent,
        max_users: asked.max_users,
        active: true,
    }
}

fn encode(plan: Plan) -> pb::Plan {
    pb::Plan {
        plan_id: plan.id,
        name: plan.name,
        total_dau: plan.total_dau,
        price_additional_dau: plan.price_additional_dau,
        no_dau: plan.no_dau,
        plan_price: plan.price,
        price_chatbot: plan.price_chatbot,
        price_api: plan.price_api,
        price_messenger: plan.price_messenger,
        price_telegram: plan.price_telegram,
        price_whatsapp: plan.price_whatsapp,
        price_agent: plan.price_agent,
        max_users: plan.max_users,
        active: plan.active,
    }
}
