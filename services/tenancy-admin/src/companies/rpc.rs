//! `CompanyService`: decode, call, encode.

use auth::CompanyId;
use chassis::config::Secret;
use idempotency::Asked;
use prost_types::Timestamp;
use proto::tenancy::v1::{
    self as pb, CreateCompanyRequest, CreateCompanyResponse, DeleteCompanyRequest,
    DeleteCompanyResponse, GetCompanyRequest, GetCompanyResponse, ListCompaniesRequest,
    ListCompaniesResponse, ListHolidaysRequest, ListHolidaysResponse, SetHolidaysRequest,
    SetHolidaysResponse, UpdateCompanyRequest, UpdateCompanyResponse,
    company_service_server::CompanyService,
};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::{
    Change, Companies, Filter, Record,
    creation::{Created, NewCompany},
};
use crate::{departments, error::Error, faqs, holidays, identity::Administrator, paging};

#[tonic::async_trait]
impl CompanyService for Companies {
    async fn list_companies(
        &self,
        request: Request<ListCompaniesRequest>,
    ) -> Result<Response<ListCompaniesResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let page = paging::page(asked.page);
        let filter = Filter {
            name: asked.name,
            email: asked.email,
            token: asked.token,
            plan: asked.plan,
        };
        let (companies, total) = self.list(&caller, &filter, page).await?;
        Ok(Response::new(ListCompaniesResponse {
            companies: companies
                .into_iter()
                .map(|(company, token)| encode(company, Some(&token)))
                .collect(),
            page: Some(paging::info(page, total)),
        }))
    }

    async fn get_company(
        &self,
        request: Request<GetCompanyRequest>,
    ) -> Result<Response<GetCompanyResponse>, Status> {
        let id = CompanyId(request.get_ref().company_id);
        let (company, token) = self.get(auth::caller(&request)?, id).await?;
        Ok(Response::new(GetCompanyResponse {
            company: Some(encode(company, Some(&token))),
        }))
    }

    async fn create_company(
        &self,
        request: Request<CreateCompanyRequest>,
    ) -> Result<Response<CreateCompanyResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let key = &asked.idempotency_key;
        let keyed = Asked::new(&caller, "CreateCompany", key, &asked).map_err(Error::from)?;
        let new = NewCompany {
            name: asked.name,
            email: asked.email,
            plan: asked.plan_id,
            balance: asked.balance,
            pay_day: asked.pay_day,
            administrator: Administrator {
                name: asked.user_name,
                email: asked.user_email,
                password: Secret::new(asked.password),
            },
            time_zone: asked.time_zone,
        };
        let answer = self.create(&caller, keyed, new).await?;
        Ok(Response::new(answer))
    }

    async fn update_company(
        &self,
        request: Request<UpdateCompanyRequest>,
    ) -> Result<Response<UpdateCompanyResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let change = Change {
            name: asked.name,
            email: asked.email,
            balance: asked.balance,
            pay_day: asked.pay_day,
            plan: asked.plan_id,
            api_access: asked.api_access,
            messenger_access: asked.messenger_access,
            telegram_access: asked.telegram_access,
            time_zone: asked.time_zone,
        };
        let id = CompanyId(asked.company_id);
        let (company, changed) = self.update(&caller, id, change).await?;
        Ok(Response::new(UpdateCompanyResponse {
            company: Some(encode(company, None)),
            changed,
        }))
    }

    async fn delete_company(
        &self,
        request: Request<DeleteCompanyRequest>,
    ) -> Result<Response<DeleteCompanyResponse>, Status> {
        let id = CompanyId(request.get_ref().company_id);
        self.delete(auth::caller(&request)?, id).await?;
        Ok(Response::new(DeleteCompanyResponse {}))
    }

    async fn list_holidays(
        &self,
        request: Request<ListHolidaysRequest>,
    ) -> Result<Response<ListHolidaysResponse>, Status> {
        let asked = request.get_ref();
        let found = holidays::list(
            &self.pool,
            auth::caller(&request)?,
            CompanyId(asked.company_id),
            &asked.from,
            &asked.until,
        )
        .await?;
        let holidays = found
            .into_iter()
            .map(|holiday| pb::Holiday {
                day: holiday.day.to_string(),
                name: holiday.name,
            })
            .collect();
        Ok(Response::new(ListHolidaysResponse { holidays }))
    }

    async fn set_holidays(
        &self,
        request: Request<SetHolidaysRequest>,
    ) -> Result<Response<SetHolidaysResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let id = CompanyId(asked.company_id);
        let days = asked
            .holidays
            .into_iter()
            .map(|holiday| (holiday.day, holiday.name))
            .collect();
        let span = holidays::Span::read(&asked.from, &asked.until, days)?;
        holidays::set(&self.pool, &caller, self.clock.now(), id, span).await?;
        Ok(Response::new(SetHolidaysResponse {}))
    }
}

/// What a creation answers.
pub fn answer(created: Created) -> CreateCompanyResponse {
    CreateCompanyResponse {
        company: Some(encode(created.record, Some(&created.token))),
        department: Some(departments::rpc::encode(created.department)),
        user: Some(created.administrator),
        faq: Some(faqs::rpc::encode(created.faq)),
    }
}

fn encode(company: Record, token: Option<&Secret>) -> pb::Company {
    pb::Company {
        company_id: company.id.0,
        uuid: company.uuid.to_string(),
        name: company.name,
        email: company.email,
        token: token.map_or("", Secret::expose).to_owned(),
        plan_id: company.plan,
        balance: company.balance,
        pay_day: company.pay_day,
        api_access: company.api_access,
        messenger_access: company.messenger_access,
        telegram_access: company.telegram_access,
        time_zone: company.time_zone,
        created_at: Some(timestamp(company.created_at)),
        updated_at: Some(timestamp(company.updated_at)),
    }
}

fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
    }
}
