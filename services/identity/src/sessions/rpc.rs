//! `SessionService`: decode, call, encode.

use auth::{Caller, ClientCaller};
use chassis::config::Secret;
use proto::identity::v1::{
    LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, SessionUser,
    session_service_server::SessionService,
};
use tonic::{Request, Response, Status};

use super::{Candidate, Login, Sessions};
use crate::error::Error;

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let client = client(auth::caller(&request)?)?.clone();
        let request = request.into_inner();
        let login = Login {
            email: request.email,
            password: Secret::new(request.password),
            device: Some(request.device_id).filter(|device| *device != 0),
        };
        let (token, user) = Sessions::login(self, &client, login).await?;
        Ok(Response::new(LoginResponse {
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
