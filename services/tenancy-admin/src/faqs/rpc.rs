//! `FaqService`: decode, call, encode.

use auth::CompanyId;
use proto::tenancy::v1::{
    self as pb, CreateFaqRequest, CreateFaqResponse, GetFaqRequest, GetFaqResponse,
    ListFaqsRequest, ListFaqsResponse, UpdateFaqRequest, UpdateFaqResponse, UpdateFaqStatusRequest,
    UpdateFaqStatusResponse, faq_service_server::FaqService,
};
use tonic::{Request, Response, Status};

use super::{Faq, Faqs, Filter};
use crate::paging;

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
        let asked = request.into_inner();
        let company = CompanyId(asked.company_id);
        let faq = self
            .create(&caller, company, &asked.reply, asked.department_ids)
            .await?;
        Ok(Response::new(CreateFaqResponse {
            faq: Some(encode(faq)),
        }))
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
