//! `CompanyService`: decode, call, encode.

use auth::CompanyId;
use chassis::config::Secret;
use prost_types::Timestamp;
use proto::tenancy::v1::{
    self as pb, GetCompanyRequest, GetCompanyResponse, company_service_server::CompanyService,
};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::{Companies, Record};

#[tonic::async_trait]
impl CompanyService for Companies {
    async fn get_company(
        &self,
        request: Request<GetCompanyRequest>,
    ) -> Result<Response<GetCompanyResponse>, Status> {
        let id = CompanyId(request.get_ref().company_id);
        let (company, token) = self.get(auth::caller(&request)?, id).await?;
        Ok(Response::new(GetCompanyResponse {
            company: Some(encode(company, &token)),
        }))
    }
}

fn encode(company: Record, token: &Secret) -> pb::Company {
    pb::Company {
        company_id: company.id.0,
        uuid: company.uuid.to_string(),
        name: company.name,
        email: company.email,
        token: token.expose().to_owned(),
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
