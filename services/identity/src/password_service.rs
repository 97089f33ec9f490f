//! `PasswordService`: decode, call, encode.

use auth::{Caller, ClientCaller};
use chassis::config::Secret;
use idempotency::Asked;
use prost_types::Timestamp;
use proto::identity::v1::{
    EnrolPinRequest, EnrolPinResponse, GetResetLinkRequest, GetResetLinkResponse,
    ListPinDevicesRequest, ListPinDevicesResponse, RemovePinRequest, RemovePinResponse,
    RequestResetRequest, RequestResetResponse, ResetPasswordRequest, ResetPasswordResponse,
    password_service_server::PasswordService,
};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    pins::Pins,
    resets::{Forgotten, Redemption, Resets},
};

/// Forgotten passwords and the PINs of devices.
pub struct Passwords {
    pub pins: Pins,
    pub resets: Resets,
}

#[tonic::async_trait]
impl PasswordService for Passwords {
    async fn request_reset(
        &self,
        request: Request<RequestResetRequest>,
    ) -> Result<Response<RequestResetResponse>, Status> {
        let caller = of_edge(&request)?;
        let client = client(&caller)?;
        let mut request = request.into_inner();
        let key = std::mem::take(&mut request.idempotency_key);
        let client_ip = std::mem::take(&mut request.client_ip);
        let keyed = Asked::new(&caller, "RequestReset", &key, &request).map_err(Error::from)?;
        let asked = Forgotten {
            email: request.email,
            product: request.product,
            domain: request.domain,
            client_ip,
        };
        self.resets.request(&caller, client, keyed, asked).await?;
        Ok(Response::new(RequestResetResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let caller = of_edge(&request)?;
        let client = client(&caller)?;
        let request = request.into_inner();
        let sent = Redemption {
            selector: request.selector,
            token: Secret::new(request.token),
            password: Secret::new(request.password),
            email: request.email,
            product: request.product,
            client_ip: request.client_ip,
        };
        self.resets.redeem(&caller, client, sent).await?;
        Ok(Response::new(ResetPasswordResponse {}))
    }

    async fn get_reset_link(
        &self,
        request: Request<GetResetLinkRequest>,
    ) -> Result<Response<GetResetLinkResponse>, Status> {
        if !auth::caller(&request)?.is_service("mail-ticket") {
            return Err(Error::Forbidden.into());
        }
        let mailed = self.resets.link(&request.into_inner().reset_id).await?;
        Ok(Response::new(GetResetLinkResponse {
            link: mailed.link.expose().to_owned(),
            expires_at: Some(Timestamp {
                seconds: mailed.expires_at.unix_timestamp(),
                nanos: 0,
            }),
        }))
    }

    async fn enrol_pin(
        &self,
        request: Request<EnrolPinRequest>,
    ) -> Result<Response<EnrolPinResponse>, Status> {
        let caller = of_edge(&request)?;
        let answer = self.pins.enrol_pin(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn remove_pin(
        &self,
        request: Request<RemovePinRequest>,
    ) -> Result<Response<RemovePinResponse>, Status> {
        let caller = of_edge(&request)?;
        let answer = self.pins.remove_pin(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn list_pin_devices(
        &self,
        request: Request<ListPinDevicesRequest>,
    ) -> Result<Response<ListPinDevicesResponse>, Status> {
        let caller = of_edge(&request)?;
        let request = request.into_inner();
        let answer = self.pins.list_pin_devices(&caller, request).await?;
        Ok(Response::new(answer))
    }
}

/// Passwords and PINs are the business of people, who come through the edge.
fn of_edge<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = auth::caller(request)?;
    if &*caller.service == "edge" {
        Ok(caller.clone())
    } else {
        Err(Error::Forbidden.into())
    }
}

/// The API client on whose behalf the edge calls.
fn client(caller: &Caller) -> Result<&ClientCaller, Error> {
    caller.client.as_ref().ok_or(Error::Forbidden)
}
