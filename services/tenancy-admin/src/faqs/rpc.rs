//! `FaqService`: decode, call, encode.

use auth::{Caller, CompanyId};
use idempotency::{Asked, Begun};
use proto::tenancy::v1::{
    self as pb, CreateFaqRequest, CreateFaqResponse, GetFaqRequest, GetFaqResponse,
    ListFaqsRequest, ListFaqsResponse, UpdateFaqRequest, UpdateFaqResponse, UpdateFaqStatusRequest,
    UpdateFaqStatusResponse, faq_service_server::FaqService,
};
use tonic::{Request, Response, Status};

use super::{Faq, Faqs, Filter};
use crate::{
    error::Error,
    paging,
    rights::{Action, permit},
};

#[tonic::async_trait]
impl FaqService for Faqs {
    async fn list_faqs(
        &self,
        request: Request<ListFaqsRequest>,
    ) -> Result<Response<ListFaqsResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let page = paging::page(asked.page);
        let filter = Filter {
            reply: asked.reply,
            company: CompanyId::present(asked.company_id),
            department: asked.department,
            active: asked.active,
        };
        let (faqs, total) = self.list(&caller, &filter, page).await?;
        Ok(Response::new(ListFaqsResponse {
            faqs: faqs.into_iter().map(encode).collect(),
            page: Some(paging::info(page, total)),
        }))
    }

    async fn get_faq(
        &self,
        request: Request<GetFaqRequest>,
    ) -> Result<Response<GetFaqResponse>, Status> {
        let id = request.get_ref().faq_id;
        let faq = self.get(auth::caller(&request)?, id).await?;
        Ok(Response::new(GetFaqResponse {
            faq: Some(encode(faq)),
        }))
    }

    async fn create_faq(
        &self,
        request: Request<CreateFaqRequest>,
    ) -> Result<Response<CreateFaqResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.create_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn update_faq(
        &self,
        request: Request<UpdateFaqRequest>,
    ) -> Result<Response<UpdateFaqResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let departments = asked.departments.map(|list| list.department_ids);
        let (faq, changed) = self
            .update(&caller, asked.faq_id, asked.reply, departments)
            .await?;
        Ok(Response::new(UpdateFaqResponse {
            faq: Some(encode(faq)),
            changed,
        }))
    }

    async fn update_faq_status(
        &self,
        request: Request<UpdateFaqStatusRequest>,
    ) -> Result<Response<UpdateFaqStatusResponse>, Status> {
        let asked = request.get_ref();
        let caller = auth::caller(&request)?;
        let (faq, changed) = self.set_active(caller, asked.faq_id, asked.active).await?;
        Ok(Response::new(UpdateFaqStatusResponse {
            faq: Some(encode(faq)),
            changed,
        }))
    }
}

impl Faqs {
    async fn create_once(
        &self,
        caller: &Caller,
        asked: CreateFaqRequest,
    ) -> Result<CreateFaqResponse, Error> {
        // Who may not do it any more hears of no earlier answer either.
        permit(caller, Action::WriteFaqs)?;
        let keyed = Asked::new(caller, "CreateFaq", &asked.idempotency_key, &asked)?;
        let mut work = match self.keys.begin(&self.pool, self.clock.now(), keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let company = CompanyId(asked.company_id);
        let departments = asked.department_ids;
        let faq = self
            .create(work.db(), caller, company, &asked.reply, departments)
            .await?;
        let answer = CreateFaqResponse {
            faq: Some(encode(faq)),
        };
        work.commit(&answer).await?;
        Ok(answer)
    }
}

/// A FAQ for the wire.
pub fn encode(faq: Faq) -> pb::Faq {
    pb::Faq {
        faq_id: faq.id,
        company_id: faq.company.0,
        reply: faq.reply,
        department_ids: faq.departments,
        active: faq.active,
    }
}
