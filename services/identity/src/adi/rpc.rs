//! `AdiService`: decode, call, encode.

use auth::Caller;
use chassis::config::Secret;
use idempotency::{Asked, Begun};
use proto::identity::v1::{
    GenerateTokenRequest, GenerateTokenResponse, RedeemTokenRequest, RedeemTokenResponse,
    SetSystemTokenRequest, SetSystemTokenResponse, adi_service_server::AdiService,
};
use tonic::{Request, Response, Status};

use super::{Adi, Handover, Wanted, administers, client};
use crate::error::Error;

#[tonic::async_trait]
impl AdiService for Adi {
    async fn set_system_token(
        &self,
        request: Request<SetSystemTokenRequest>,
    ) -> Result<Response<SetSystemTokenResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.set_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn generate_token(
        &self,
        request: Request<GenerateTokenRequest>,
    ) -> Result<Response<GenerateTokenResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.generate_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn redeem_token(
        &self,
        request: Request<RedeemTokenRequest>,
    ) -> Result<Response<RedeemTokenResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let token = Secret::new(request.token);
        let redeemed = self
            .redeem(&caller, &token, request.system.as_deref())
            .await?;
        Ok(Response::new(RedeemTokenResponse {
            username: redeemed.username,
            email: redeemed.email,
            system: redeemed.system,
        }))
    }
}

impl Adi {
    async fn set_once(
        &self,
        caller: &Caller,
        request: SetSystemTokenRequest,
    ) -> Result<SetSystemTokenResponse, Error> {
        administers(caller)?;
        let key = &request.idempotency_key;
        let keyed = Asked::new(caller, "SetSystemToken", key, &request)?;
        let now = self.clock.now();
        let mut work = match self.idempotency.begin(&self.pool, now, keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let wanted = Wanted {
            alias: request.system,
            active: request.active,
            rotate: request.rotate,
        };
        let registered = self.register(work.db(), caller, wanted).await?;
        let secret = registered.secret.as_ref();
        let answer = SetSystemTokenResponse {
            system: registered.alias,
            created: registered.created,
            token: secret.map_or_else(String::new, |secret| secret.expose().to_owned()),
            active: registered.active,
        };
        work.commit(&answer).await?;
        Ok(answer)
    }

    async fn generate_once(
        &self,
        caller: &Caller,
        request: GenerateTokenRequest,
    ) -> Result<GenerateTokenResponse, Error> {
        client(caller)?;
        let key = &request.idempotency_key;
        let keyed = Asked::new(caller, "GenerateToken", key, &request)?;
        let now = self.clock.now();
        let mut work = match self.idempotency.begin(&self.pool, now, keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let handover = Handover {
            username: request.username,
            email: request.email,
            system: request.system,
            secret: Secret::new(request.system_token),
        };
        let token = self.issue(work.db(), caller, handover).await?;
        let answer = GenerateTokenResponse {
            token: token.expose().to_owned(),
        };
        work.commit(&answer).await?;
        Ok(answer)
    }
}
