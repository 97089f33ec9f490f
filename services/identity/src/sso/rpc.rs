//! `SsoService`: the calls of `SessionService`, for products.

use auth::Caller;
use proto::identity::v1::{
    AccessMode, AccessRequest, AccessResponse, LoginRequest, LoginWithPinRequest,
    RefreshAccessRequest, RefreshAccessResponse, RefreshRequest, SessionUser, SsoUser, TokenShape,
    session_service_server::SessionService, sso_service_server::SsoService,
};
use tonic::{Request, Response, Status};

use super::{Sso, check, store};
use crate::error::Error;

#[tonic::async_trait]
impl SsoService for Sso {
    async fn access(
        &self,
        request: Request<AccessRequest>,
    ) -> Result<Response<AccessResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let client = caller.client.as_ref().ok_or(Error::Forbidden)?;
        let asked = request.into_inner();
        check(&asked)?;
        self.check_product(&asked.product).await?;
        let email = self.login_address(client, &asked.user).await?;
        let shape = TokenShape::Opaque.into();
        let (token, user) = if asked.mode() == AccessMode::Pin {
            let login = LoginWithPinRequest {
                email,
                pin: asked.pin,
                device_id: asked.device_id,
                shape,
                client_ip: asked.client_ip,
            };
            let answer = self.sessions.login_with_pin(as_caller(&caller, login));
            let answer = answer.await?.into_inner();
            (answer.token, answer.user)
        } else {
            let login = LoginRequest {
                email,
                password: asked.password,
                shape,
                device_id: asked.device_id,
                client_ip: asked.client_ip,
            };
            let answer = SessionService::login(&*self.sessions, as_caller(&caller, login));
            let answer = answer.await?.into_inner();
            (answer.token, answer.user)
        };
        Ok(Response::new(AccessResponse {
            token,
            user: Some(self.user(user).await?),
        }))
    }

    async fn refresh_access(
        &self,
        request: Request<RefreshAccessRequest>,
    ) -> Result<Response<RefreshAccessResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        self.check_product(&asked.product).await?;
        let refresh = RefreshRequest { token: asked.token };
        let answer = SessionService::refresh(&*self.sessions, as_caller(&caller, refresh));
        let answer = answer.await?.into_inner();
        Ok(Response::new(RefreshAccessResponse {
            token: answer.token,
            user: Some(self.user(answer.user).await?),
        }))
    }
}

impl Sso {
    /// More about the user of a session than the session tells.
    async fn user(&self, user: Option<SessionUser>) -> Result<SsoUser, Error> {
        let id = user.map_or(0, |user| user.user_id);
        let user = store::user(&self.pool, id).await?;
        user.ok_or(Error::Login)
    }
}

/// A call in this process on behalf of the same caller.
fn as_caller<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}
