//! `SessionService`: decode, call, encode.

use auth::Caller;
use chassis::config::Secret;
use proto::identity::v1::{
    LoginRequest, LoginResponse, LoginWithPinRequest, LoginWithPinResponse, LogoutRequest,
    LogoutResponse, RefreshRequest, RefreshResponse, SessionUser,
    session_service_server::SessionService,
};
use tonic::{Request, Response, Status};

use super::{Candidate, Login, Sessions, pin::PinLogin};
use crate::error::Error;

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let caller = through_client(auth::caller(&request)?)?.clone();
        let request = request.into_inner();
        let login = Login {
            shape: request.shape().into(),
            email: request.email,
            password: Secret::new(request.password),
            device: Some(request.device_id).filter(|device| *device != 0),
            client_ip: request.client_ip,
        };
        let (token, user) = Sessions::login(self, &caller, login).await?;
        Ok(Response::new(LoginResponse {
            token,
            user: Some(encode(user)),
        }))
    }

    async fn refresh(
        &self,
        request: Request<RefreshRequest>,
    ) -> Result<Response<RefreshResponse>, Status> {
        let caller = through_client(auth::caller(&request)?)?.clone();
        let token = request.into_inner().token;
        let refreshed = Sessions::refresh(self, &caller, &token).await?;
        Ok(Response::new(RefreshResponse {
            token: refreshed.token,
            user: Some(SessionUser {
                user_id: refreshed.user.id.0,
                name: refreshed.user.name,
                email: refreshed.user.email,
                phone: refreshed.phone,
            }),
        }))
    }

    async fn login_with_pin(
        &self,
        request: Request<LoginWithPinRequest>,
    ) -> Result<Response<LoginWithPinResponse>, Status> {
        let caller = through_client(auth::caller(&request)?)?.clone();
        let request = request.into_inner();
        let login = PinLogin {
            shape: request.shape().into(),
            email: request.email,
            pin: Secret::new(request.pin),
            device: request.device_id,
            client_ip: request.client_ip,
        };
        let (token, user) = Sessions::login_with_pin(self, &caller, login).await?;
        Ok(Response::new(LoginWithPinResponse {
            token,
            user: Some(encode(user)),
        }))
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        let caller = auth::caller(&request)?;
        let session = caller.user.as_ref().map(|user| user.session);
        Sessions::logout(self, caller, session.ok_or(Error::BearerToken)?).await?;
        Ok(Response::new(LogoutResponse {}))
    }
}

/// A caller who is the edge, on behalf of an API client.
fn through_client(caller: &Caller) -> Result<&Caller, Error> {
    let edge = &*caller.service == "edge" && caller.client.is_some();
    edge.then_some(caller).ok_or(Error::Forbidden)
}

fn encode(user: Candidate) -> SessionUser {
    SessionUser {
        user_id: user.id.0,
        name: user.name,
        email: user.email,
        phone: user.phone,
    }
}
