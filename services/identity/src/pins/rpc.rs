//! The PINs of `PasswordService`: decode, call, encode.

use auth::Caller;
use chassis::config::Secret;
use idempotency::{Asked, Begun};
use proto::identity::v1::{
    EnrolPinRequest, EnrolPinResponse, ListPinDevicesRequest, ListPinDevicesResponse, PinDevice,
    RemovePinRequest, RemovePinResponse,
};

use super::{Device, NewPin, Pins};
use crate::{error::Error, wire::timestamp};

impl Pins {
    /// `EnrolPin`.
    pub async fn enrol_pin(
        &self,
        caller: &Caller,
        request: EnrolPinRequest,
    ) -> Result<EnrolPinResponse, Error> {
        let keyed = Asked::new(caller, "EnrolPin", &request.idempotency_key, &request)?;
        let new = NewPin {
            device: request.device_id,
            pin: Secret::new(request.pin),
            name: request.name,
        };
        new.check()?;
        let owner = self.owner(caller, request.user_id).await?;
        let now = self.clock.now();
        let before = self
            .idempotency
            .answered(&mut *self.pool.acquire().await?, now, keyed.as_ref())
            .await?;
        if let Some(answer) = before {
            return Ok(answer);
        }
        let phc = self.prepare(caller, &owner, &new).await?;
        let mut work = match self.idempotency.begin(&self.pool, now, keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let device = self.set(work.db(), caller, &owner, &new, &phc).await?;
        let answer = EnrolPinResponse {
            device: Some(encode(device)),
        };
        work.commit(&answer).await?;
        Ok(answer)
    }

    /// `RemovePin`.
    pub async fn remove_pin(
        &self,
        caller: &Caller,
        request: RemovePinRequest,
    ) -> Result<RemovePinResponse, Error> {
        let RemovePinRequest { user_id, device_id } = request;
        let removed = self.remove(caller, user_id, device_id).await?;
        Ok(RemovePinResponse { removed })
    }

    /// `ListPinDevices`.
    pub async fn list_pin_devices(
        &self,
        caller: &Caller,
        request: ListPinDevicesRequest,
    ) -> Result<ListPinDevicesResponse, Error> {
        let devices = self.list(caller, request.user_id).await?;
        Ok(ListPinDevicesResponse {
            devices: devices.into_iter().map(encode).collect(),
        })
    }
}

fn encode(device: Device) -> PinDevice {
    PinDevice {
        device_id: device.id,
        name: device.name,
        locked: device.locked,
        enrolled_at: Some(timestamp(device.enrolled_at)),
        last_used_at: device.last_used_at.map(timestamp),
    }
}
