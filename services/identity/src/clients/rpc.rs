//! `ApiClientService`: decode, call, encode.

use auth::{Authority, ClientId, CompanyId};
use chassis::FieldViolation;
use postgres::Page;
use proto::{
    common::v1::PageInfo,
    identity::v1::{
        self as pb, ApiClientLimits, CreateApiClientRequest, CreateApiClientResponse,
        DisableApiClientRequest, DisableApiClientResponse, GetApiClientRequest,
        GetApiClientResponse, ListApiClientsRequest, ListApiClientsResponse,
        RotateApiClientSecretRequest, RotateApiClientSecretResponse,
        api_client_service_server::ApiClientService,
    },
};
use time::Duration;
use tonic::{Request, Response, Status};

use super::{ApiClient, ClientRegister, ForgotMode, Limits, NewClient, Selection, rights};
use crate::{error::Error, wire::timestamp};

/// The most rows of an unpaged list.
const CAP: u32 = 10_000;

#[tonic::async_trait]
impl ApiClientService for ClientRegister {
    async fn create_api_client(
        &self,
        request: Request<CreateApiClientRequest>,
    ) -> Result<Response<CreateApiClientResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        rights::manages(&caller)?;
        let new = decode(request.into_inner())?;
        let made = self.create(&caller, &new).await?;
        Ok(Response::new(CreateApiClientResponse {
            client: Some(encode(made.client)),
            secret: made.secret.expose().to_owned(),
        }))
    }

    async fn get_api_client(
        &self,
        request: Request<GetApiClientRequest>,
    ) -> Result<Response<GetApiClientResponse>, Status> {
        rights::manages(auth::caller(&request)?)?;
        let client = self.get(ClientId(request.into_inner().client_id)).await?;
        Ok(Response::new(GetApiClientResponse {
            client: Some(encode(client)),
        }))
    }

    async fn list_api_clients(
        &self,
        request: Request<ListApiClientsRequest>,
    ) -> Result<Response<ListApiClientsResponse>, Status> {
        rights::manages(auth::caller(&request)?)?;
        let request = request.into_inner();
        let asked = request.page.unwrap_or_default();
        let page = Page::new(asked.page, asked.per_page, asked.unpaged, CAP);
        let selection = Selection {
            id: None,
            company: Some(request.company_id).filter(|company| *company != 0),
            active: request.active,
        };
        let (clients, total) = self.list(selection, page).await?;
        Ok(Response::new(ListApiClientsResponse {
            clients: clients.into_iter().map(encode).collect(),
            page: Some(PageInfo {
                page: page.number,
                per_page: page.rows,
                total,
            }),
        }))
    }

    async fn rotate_api_client_secret(
        &self,
        request: Request<RotateApiClientSecretRequest>,
    ) -> Result<Response<RotateApiClientSecretResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        rights::manages(&caller)?;
        let request = request.into_inner();
        let grace = Duration::seconds(request.grace_seconds.into());
        let made = self
            .rotate(&caller, ClientId(request.client_id), grace)
            .await?;
        Ok(Response::new(RotateApiClientSecretResponse {
            client: Some(encode(made.client)),
            secret: made.secret.expose().to_owned(),
        }))
    }

    async fn disable_api_client(
        &self,
        request: Request<DisableApiClientRequest>,
    ) -> Result<Response<DisableApiClientResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        rights::manages(&caller)?;
        let id = ClientId(request.into_inner().client_id);
        let (client, changed) = self.disable(&caller, id).await?;
        Ok(Response::new(DisableApiClientResponse {
            client: Some(encode(client)),
            changed,
        }))
    }
}

fn decode(request: CreateApiClientRequest) -> Result<NewClient, Error> {
    let unknown = |field| {
        Error::Invalid(vec![FieldViolation {
            field,
            reason: "FORMAT",
            description: "is none of the known values".into(),
        }])
    };
    let authority = match pb::Authority::try_from(request.authority) {
        Ok(pb::Authority::Platform) => Authority::Platform,
        Ok(pb::Authority::Company) => Authority::Company,
        Ok(pb::Authority::Delegated | pb::Authority::Unspecified) => Authority::Delegated,
        Err(_) => return Err(unknown("authority")),
    };
    let forgot_mode = match pb::ForgotMode::try_from(request.forgot_mode) {
        Ok(pb::ForgotMode::Unspecified) => None,
        Ok(pb::ForgotMode::Contract) => Some(ForgotMode::Contract),
        Ok(pb::ForgotMode::Uniform) => Some(ForgotMode::Uniform),
        Err(_) => return Err(unknown("forgot_mode")),
    };
    let limits = request.limits.unwrap_or_default();
    Ok(NewClient {
        consumo: request.consumo,
        name: request.name,
        authority,
        company: CompanyId::present(request.company_id),
        scopes: request.scopes,
        ip_allow: request.ip_allow,
        limits: Limits {
            per_minute: limits.requests_per_minute,
            burst: limits.burst,
            per_day: limits.requests_per_day,
        },
        forgot_mode,
        reset_link_bases: request.reset_link_bases,
    })
}

/// The wire form of limits.
pub fn encode_limits(limits: Limits) -> ApiClientLimits {
    ApiClientLimits {
        requests_per_minute: limits.per_minute,
        burst: limits.burst,
        requests_per_day: limits.per_day,
    }
}

/// The wire form of an authority.
pub fn encode_authority(authority: Authority) -> pb::Authority {
    match authority {
        Authority::Platform => pb::Authority::Platform,
        Authority::Company => pb::Authority::Company,
        Authority::Delegated => pb::Authority::Delegated,
    }
}

fn encode(client: ApiClient) -> pb::ApiClient {
    let forgot_mode = match client.forgot_mode {
        ForgotMode::Contract => pb::ForgotMode::Contract,
        ForgotMode::Uniform => pb::ForgotMode::Uniform,
    };
    pb::ApiClient {
        client_id: client.id.0,
        consumo: client.consumo,
        name: client.name,
        authority: encode_authority(client.authority).into(),
        company_id: CompanyId::or_zero(client.company),
        scopes: client.scopes,
        ip_allow: client.ip_allow,
        limits: Some(encode_limits(client.limits)),
        forgot_mode: forgot_mode.into(),
        reset_link_bases: client.reset_link_bases,
        active: client.active,
        secret_count: client.secrets,
        old_secret_expires_at: client.old_secret_expires_at.map(timestamp),
        created_at: Some(timestamp(client.created_at)),
        last_used_at: client.last_used_at.map(timestamp),
    }
}
