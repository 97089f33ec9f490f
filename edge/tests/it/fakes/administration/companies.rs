//! Knows company 10 on plan 2, and plans 3 and 4.

use chassis::ErrorCode;
use proto::{
    identity::v1::{Role, User},
    tenancy::v1::{
        Company, CreateCompanyRequest, CreateCompanyResponse, CreatePlanRequest,
        CreatePlanResponse, DeleteCompanyRequest, DeleteCompanyResponse, Department, Faq,
        GetCompanyRequest, GetCompanyResponse, ListCompaniesRequest, ListCompaniesResponse,
        ListPlansRequest, ListPlansResponse, Plan, UpdateCompanyRequest, UpdateCompanyResponse,
        UpdatePlanStatusRequest, UpdatePlanStatusResponse,
        company_service_server::{CompanyService, CompanyServiceServer},
        plan_service_server::{PlanService, PlanServiceServer},
    },
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Fake, missing, one_row, taken};
use crate::fakes::{Shared, refusal, wrong};

/// Adds the services to those that answer already.
pub fn add_to(routes: Routes, world: &Shared) -> Routes {
    routes
        .add_service(CompanyServiceServer::new(Fake(world.clone())))
        .add_service(PlanServiceServer::new(Fake(world.clone())))
}

fn company() -> Company {
    Company {
        company_id: 10,
        name: "Empresa Demo".into(),
        email: "demo@empresa.com".into(),
        token: "0d2b4f5e-8c3f-4a4e-9c5d-2b5a4c1d9e6f".into(),
        plan_id: 2,
        balance: "0".into(),
        pay_day: "2024-12-15".into(),
        time_zone: "America/Costa_Rica".into(),
        ..Company::default()
    }
}

fn known(company_id: i64) -> Result<Company, Status> {
    match company_id {
        10 => Ok(company()),
        _ => Err(missing()),
    }
}

#[tonic::async_trait]
impl CompanyService for Fake {
    async fn list_companies(
        &self,
        request: Request<ListCompaniesRequest>,
    ) -> Result<Response<ListCompaniesResponse>, Status> {
        self.0.note("ListCompanies", &request)?;
        Ok(Response::new(ListCompaniesResponse {
            companies: vec![Company {
                company_id: 5,
                token: "2c359f63-95b5-4a6c-a507-7f2bfa0c3c9a".into(),
                plan_id: 1,
                ..company()
            }],
            page: Some(one_row()),
        }))
    }

    async fn get_company(
        &self,
        request: Request<GetCompanyRequest>,
    ) -> Result<Response<GetCompanyResponse>, Status> {
        self.0.note("GetCompany", &request)?;
        Ok(Response::new(GetCompanyResponse {
            company: Some(known(request.get_ref().company_id)?),
        }))
    }

    async fn create_company(
        &self,
        request: Request<CreateCompanyRequest>,
    ) -> Result<Response<CreateCompanyResponse>, Status> {
        self.0.note("CreateCompany", &request)?;
        let asked = request.into_inner();
        match asked.email.as_str() {
            "taken@empresa.com" => return Err(taken()),
            "reused@empresa.com" => {
                return Err(refusal(ErrorCode::AlreadyExists, "IDEMPOTENCY_KEY_REUSED"));
            }
            _ => {}
        }
        if asked.plan_id != 2 {
            return Err(wrong("id_plan", "NOT_REGISTERED"));
        }
        Ok(Response::new(CreateCompanyResponse {
            company: Some(Company {
                name: asked.name,
                email: asked.email,
                balance: asked.balance,
                pay_day: asked.pay_day,
                ..company()
            }),
            department: Some(Department {
                department_id: 21,
                company_id: 10,
                name: "GENERAL".into(),
                ..Department::default()
            }),
            user: Some(User {
                user_id: 33,
                name: asked.user_name,
                email: asked.user_email,
                role: Role::Admin.into(),
                company_id: 10,
                department_id: 21,
                ..User::default()
            }),
            faq: Some(Faq {
                faq_id: 5,
                ..Faq::default()
            }),
        }))
    }

    async fn update_company(
        &self,
        request: Request<UpdateCompanyRequest>,
    ) -> Result<Response<UpdateCompanyResponse>, Status> {
        self.0.note("UpdateCompany", &request)?;
        let asked = request.into_inner();
        let before = known(asked.company_id)?;
        if asked.email.as_deref() == Some("taken@empresa.com") {
            return Err(taken());
        }
        let mut after = before.clone();
        after.name = asked.name.unwrap_or(after.name);
        after.email = asked.email.unwrap_or(after.email);
        after.balance = asked.balance.unwrap_or(after.balance);
        after.pay_day = asked.pay_day.unwrap_or(after.pay_day);
        after.plan_id = asked.plan_id.unwrap_or(after.plan_id);
        after.api_access = asked.api_access.unwrap_or(after.api_access);
        after.messenger_access = asked.messenger_access.unwrap_or(after.messenger_access);
        after.telegram_access = asked.telegram_access.unwrap_or(after.telegram_access);
        Ok(Response::new(UpdateCompanyResponse {
            changed: after != before,
            company: Some(after),
        }))
    }

    async fn delete_company(
        &self,
        request: Request<DeleteCompanyRequest>,
    ) -> Result<Response<DeleteCompanyResponse>, Status> {
        self.0.note("DeleteCompany", &request)?;
        known(request.get_ref().company_id)?;
        Ok(Response::new(DeleteCompanyResponse {}))
    }
}

fn plan() -> Plan {
    Plan {
        plan_id: 3,
        name: "Basico".into(),
        total_dau: "1000".into(),
        price_additional_dau: "0.05".into(),
        no_dau: "500".into(),
        plan_price: "49.9".into(),
        price_chatbot: "0".into(),
        price_api: "0".into(),
        price_messenger: "0".into(),
        price_telegram: "0".into(),
        price_whatsapp: "10".into(),
        price_agent: "15".into(),
        max_users: 20,
        active: true,
    }
}

#[tonic::async_trait]
impl PlanService for Fake {
    async fn list_plans(
        &self,
        request: Request<ListPlansRequest>,
    ) -> Result<Response<ListPlansResponse>, Status> {
        self.0.note("ListPlans", &request)?;
        Ok(Response::new(ListPlansResponse {
            plans: vec![plan()],
            page: Some(one_row()),
        }))
    }

    async fn create_plan(
        &self,
        request: Request<CreatePlanRequest>,
    ) -> Result<Response<CreatePlanResponse>, Status> {
        self.0.note("CreatePlan", &request)?;
        let asked = request.into_inner();
        Ok(Response::new(CreatePlanResponse {
            plan: Some(Plan {
                plan_id: 4,
                name: asked.name,
                total_dau: asked.total_dau,
                price_additional_dau: asked.price_additional_dau,
                no_dau: asked.no_dau,
                plan_price: asked.plan_price,
                price_chatbot: asked.price_chatbot,
                price_api: asked.price_api,
                price_messenger: asked.price_messenger,
                price_telegram: asked.price_telegram,
                price_whatsapp: asked.price_whatsapp,
                price_agent: asked.price_agent,
                max_users: asked.max_users,
                active: true,
            }),
        }))
    }

    async fn update_plan_status(
        &self,
        request: Request<UpdatePlanStatusRequest>,
    ) -> Result<Response<UpdatePlanStatusResponse>, Status> {
        self.0.note("UpdatePlanStatus", &request)?;
        let asked = request.into_inner();
        if asked.plan_id != 4 {
            return Err(missing());
        }
        Ok(Response::new(UpdatePlanStatusResponse {
            changed: !asked.active,
            plan: Some(Plan {
                plan_id: 4,
                active: asked.active,
                ..plan()
            }),
        }))
    }
}
