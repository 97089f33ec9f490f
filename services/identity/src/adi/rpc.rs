//! `AdiService`: decode, call, encode.

use chassis::config::Secret;
use proto::identity::v1::{
    GenerateTokenRequest, GenerateTokenResponse, RedeemTokenRequest, RedeemTokenResponse,
    SetSystemTokenRequest, SetSystemTokenResponse, adi_service_server::AdiService,
};
use tonic::{Request, Response, Status};

use super::{Adi, Handover, Wanted};

#[tonic::async_trait]
impl AdiService for Adi {
    async fn set_system_token(
        &self,
        request: Request<SetSystemTokenRequest>,
    ) -> Result<Response<SetSystemTokenResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let wanted = Wanted {
            alias: request.system,
            active: request.active,
            rotate: request.rotate,
        };
        let registered = self.register(&caller, wanted).await?;
        let secret = registered.secret.as_ref();
        Ok(Response::new(SetSystemTokenResponse {
            system: registered.alias,
            created: registered.created,
            token: secret.map_or_else(String::new, |secret| secret.expose().to_owned()),
            active: registered.active,
        }))
    }

    async fn generate_token(
        &self,
        request: Request<GenerateTokenRequest>,
    ) -> Result<Response<GenerateTokenResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let handover = Handover {
            username: request.username,
            email: request.email,
            system: request.system,
            secret: Secret::new(request.system_token),
        };
        let token = self.issue(&caller, handover).await?;
        Ok(Response::new(GenerateTokenResponse {
            token: token.expose().to_owned(),
        }))
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
