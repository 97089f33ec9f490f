//! `AuthenticationService`: decode, ask, encode.

use auth::{Caller, CompanyId, DepartmentId, LIFETIME};
use chassis::config::Secret;
use proto::identity::v1::{
    self as pb, AuthenticateBearerRequest, AuthenticateBearerResponse, AuthenticateRequest,
    AuthenticateResponse, IssueServiceTokenRequest, IssueServiceTokenResponse,
    authentication_service_server::AuthenticationService,
};
use tonic::{Request, Response, Status};

use super::{Authenticator, Client, Credentials, SignedIn};
use crate::{
    clients::{encode_authority, encode_limits},
    error::Error,
    wire::timestamp,
};

#[tonic::async_trait]
impl AuthenticationService for Authenticator {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        let by = only_edge(&request)?.clone();
        let request = request.into_inner();
        let consumo = request.consumo.clone();
        let found = Authenticator::authenticate(
            self,
            &by,
            Credentials {
                consumo: request.consumo,
                secret: Secret::new(request.secret),
                bearer: Some(request.bearer).filter(|bearer| !bearer.is_empty()),
            },
        )
        .await?;
        Ok(Response::new(AuthenticateResponse {
            client: Some(encode_client(found.client, consumo)),
            user: found.user.map(encode_user),
            head: found.head.0,
        }))
    }

    async fn authenticate_bearer(
        &self,
        request: Request<AuthenticateBearerRequest>,
    ) -> Result<Response<AuthenticateBearerResponse>, Status> {
        let by = only_edge(&request)?.clone();
        let bearer = request.into_inner().bearer;
        let user = Authenticator::authenticate_bearer(self, &by, &bearer).await?;
        Ok(Response::new(AuthenticateBearerResponse {
            user: Some(encode_user(user)),
        }))
    }

    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Result<Response<IssueServiceTokenResponse>, Status> {
        let IssueServiceTokenRequest { service, secret } = request.into_inner();
        let token = self.service_token(&service, &Secret::new(secret))?;
        Ok(Response::new(IssueServiceTokenResponse {
            token,
            lifetime_seconds: u32::try_from(LIFETIME.as_secs()).unwrap_or(0),
        }))
    }
}

fn only_edge<T>(request: &Request<T>) -> Result<&Caller, Status> {
    let caller = auth::caller(request)?;
    if &*caller.service == "edge" {
        Ok(caller)
    } else {
        Err(Error::Forbidden.into())
    }
}

fn encode_client(client: Client, consumo: String) -> pb::ClientPrincipal {
    pb::ClientPrincipal {
        client_id: client.id.0,
        consumo,
        authority: encode_authority(client.authority).into(),
        company_id: CompanyId::or_zero(client.company),
        scopes: client.scopes,
        ip_allow: client.ip_allow,
        limits: Some(encode_limits(client.limits)),
        secret_expires_at: client.secret_expires_at.map(timestamp),
    }
}

/// A user as the others know it.
pub fn encode_user(user: SignedIn) -> pb::UserPrincipal {
    let role = match user.role {
        auth::Role::Super => pb::Role::Super,
        auth::Role::Admin => pb::Role::Admin,
        auth::Role::Chat => pb::Role::Chat,
    };
    pb::UserPrincipal {
        user_id: user.id.0,
        name: user.name,
        role: role.into(),
        company_id: user.company.0,
        department_id: DepartmentId::or_zero(user.department),
        session_id: user.session.to_string(),
        email: user.email,
    }
}
