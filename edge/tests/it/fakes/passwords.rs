//! Knows one link, its token and one device.

use chassis::ErrorCode;
use prost_types::Timestamp;
use proto::identity::v1::{
    EnrolPinRequest, EnrolPinResponse, ListPinDevicesRequest, ListPinDevicesResponse, PinDevice,
    RemovePinRequest, RemovePinResponse, RequestResetRequest, RequestResetResponse,
    ResetPasswordRequest, ResetPasswordResponse,
    password_service_server::{PasswordService, PasswordServiceServer},
};
use tonic::{Request, Response, Status};

use super::{Shared, refusal, wrong};

pub struct Fake(Shared);

pub fn service(world: &Shared) -> PasswordServiceServer<Fake> {
    PasswordServiceServer::new(Fake(world.clone()))
}

fn device(name: String) -> PinDevice {
    PinDevice {
        device_id: 99,
        name,
        locked: false,
        enrolled_at: Some(Timestamp {
            seconds: 1_790_000_000,
            nanos: 0,
        }),
        last_used_at: None,
    }
}

#[tonic::async_trait]
impl PasswordService for Fake {
    async fn request_reset(
        &self,
        request: Request<RequestResetRequest>,
    ) -> Result<Response<RequestResetResponse>, Status> {
        self.0.note("RequestReset", &request)?;
        let asked = request.into_inner();
        if !matches!(asked.product.as_str(), "" | "atencion") {
            return Err(wrong("product", "NOT_REGISTERED"));
        }
        if asked.product.is_empty() && asked.email != "juan@empresa.com" {
            return Err(refusal(ErrorCode::NotFound, "NO_SUCH_ADDRESS"));
        }
        Ok(Response::new(RequestResetResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        self.0.note("ResetPassword", &request)?;
        let asked = request.into_inner();
        if (asked.selector.as_str(), asked.token.as_str()) != ("yknji", "abc123") {
            return Err(wrong("token", "RESET_TOKEN"));
        }
        match asked.password.as_str() {
            "short" => Err(wrong("password", "TOO_SHORT")),
            "password" => Err(wrong("password", "COMMON")),
            _ => Ok(Response::new(ResetPasswordResponse {})),
        }
    }

    async fn enrol_pin(
        &self,
        request: Request<EnrolPinRequest>,
    ) -> Result<Response<EnrolPinResponse>, Status> {
        self.0.note("EnrolPin", &request)?;
        let asked = request.into_inner();
        match asked.pin.as_str() {
            "1234" => Err(wrong("pin", "TRIVIAL")),
            "4829" => Err(refusal(ErrorCode::FailedPrecondition, "SESSION_NOT_FRESH")),
            _ => Ok(Response::new(EnrolPinResponse {
                device: Some(device(asked.name)),
            })),
        }
    }

    async fn remove_pin(
        &self,
        request: Request<RemovePinRequest>,
    ) -> Result<Response<RemovePinResponse>, Status> {
        self.0.note("RemovePin", &request)?;
        let asked = request.into_inner();
        if asked.user_id == 16 {
            return Err(refusal(ErrorCode::NotFound, "USER"));
        }
        Ok(Response::new(RemovePinResponse {
            removed: asked.device_id == 99,
        }))
    }

    async fn list_pin_devices(
        &self,
        request: Request<ListPinDevicesRequest>,
    ) -> Result<Response<ListPinDevicesResponse>, Status> {
        self.0.note("ListPinDevices", &request)?;
        Ok(Response::new(ListPinDevicesResponse {
            devices: vec![device("Telefono".into())],
        }))
    }
}
