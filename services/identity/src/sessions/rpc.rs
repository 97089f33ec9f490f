//! `SessionService`: decode, call, encode.

use auth::{Caller, ClientCaller};
use chassis::config::Secret;
use proto::identity::v1::{
    LoginRequest, LoginResponse, LoginWithPinRequest, LoginWithPinResponse, LogoutRequest,
    LogoutResponse, SessionUser, TokenShape, session_service_server::SessionService,
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
        let caller = auth::caller(&request)?.clone();
        let client = client(&caller)?;
        let request = request.into_inner();
        if request.shape() == TokenShape::Opaque {
            return Err(Status::unimplemented("this release signs JWTs only"));
        }
        let login = Login {
            email: request.email,
            password: Secret::new(request.password),
            device: Some(request.device_id).filter(|device| *device != 0),
            client_ip: request.client_ip,
        };
        let (token, user) = Sessions::login(self, &caller, client, login).await?;
        Ok(Response::new(LoginResponse {
            token,
            user: Some(encode(user)),
        }))
    }

    async fn login_with_pin(
        &self,
        request: Request<LoginWithPinRequest>,
    ) -> Result<Response<LoginWithPinResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let client = client(&caller)?;
        let request = request.into_inner();
        if request.shape() == TokenShape::Opaque {
            return Err(Status::unimplemented("this release signs JWTs only"));
        }
        let login = PinLogin {
            email: request.email,
            pin: Secret::new(request.pin),
            device: request.device_id,
            client_ip: request.client_ip,
        };
        let (token, user) = Sessions::login_with_pin(self, &caller, client, login).await?;
        Ok(Response::new(LoginWithPinResponse {
            token,
            user: Some(encode(user)),
        }))
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        let user = auth::caller(&request)?.user.as_ref();
        let session = user.ok_or(Error::BearerToken)?.session;
        Sessions::logout(self, session).await?;
        Ok(Response::new(LogoutResponse {}))
    }
}

/// The API client on whose behalf the edge calls.
fn client(caller: &Caller) -> Result<&ClientCaller, Error> {
    let client = caller.client.as_ref();
    client
        .filter(|_| &*caller.service == "edge")
        .ok_or(Error::Forbidden)
}

fn encode(user: Candidate) -> SessionUser {
    SessionUser {
        user_id: user.id.0,
        name: user.name,
        email: user.email,
        phone: user.phone,
    }
}
