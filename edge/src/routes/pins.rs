//! `/api/auth/login/pin` and `/api/auth/pin`: logging in on a device by PIN.

use axum::response::Response;
use proto::identity::v1::{
    EnrolPinRequest, ListPinDevicesRequest, LoginWithPinRequest, PinDevice, RemovePinRequest,
    TokenShape, password_service_client::PasswordServiceClient,
    session_service_client::SessionServiceClient,
};
use serde::Serialize;

use super::auth;
use crate::{
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, secret},
};

/// The longest PIN.
const PIN: usize = 12;

const WORDING: Wording = Wording::GENERAL
    .missing(Shape::Empty, "El usuario indicado no existe.")
    .fields(&[
        ("pin", "FORMAT", "El pin debe tener de 4 a 12 digitos."),
        ("pin", "TRIVIAL", "El pin es demasiado facil de adivinar."),
        (
            "device_id",
            "TOO_MANY",
            "El usuario tiene demasiados dispositivos.",
        ),
    ]);

#[derive(Serialize)]
struct LoggedIn<'a> {
    token: &'a str,
    user: User<'a>,
}

/// The answer of a login by PIN has no address.
#[derive(Serialize)]
struct User<'a> {
    id: i64,
    name: &'a str,
}

#[derive(Serialize)]
struct Device {
    #[serde(rename = "device_id")]
    id: i64,
    name: String,
    locked: bool,
    /// Seconds since 1970.
    enrolled_at: i64,
    last_used_at: Option<i64>,
}

impl From<PinDevice> for Device {
    fn from(device: PinDevice) -> Self {
        Self {
            id: device.device_id,
            name: device.name,
            locked: device.locked,
            enrolled_at: device.enrolled_at.map_or(0, |at| at.seconds),
            last_used_at: device.last_used_at.map(|at| at.seconds),
        }
    }
}

fn client(exchange: &Exchange) -> PasswordServiceClient<chassis::Upstream> {
    PasswordServiceClient::new(exchange.app.upstreams.identity.clone())
}

/// POST auth/login/pin.
pub async fn login(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let email = check.field("email").required().text(191);
    let pin = check.field("pin").required().digits_or_text(PIN);
    let device_id = check.field("device_id").required().id();
    check.done()?;
    let asked = LoginWithPinRequest {
        email,
        pin,
        device_id,
        shape: TokenShape::Jwt.into(),
        client_ip: exchange.client_ip(),
    };
    let answer = SessionServiceClient::new(exchange.app.upstreams.identity.clone())
        .login_with_pin(exchange.call()?.request(asked))
        .await
        .map_err(|status| auth::refused(&exchange, &status))?
        .into_inner();
    let user = answer.user.unwrap_or_default();
    let data = LoggedIn {
        token: &answer.token,
        user: User {
            id: user.user_id,
            name: &user.name,
        },
    };
    Ok(secret(exchange.answer("Login exitoso.", &data)))
}

/// POST auth/pin/enrol: the PIN of a device of one's own.
pub async fn enrol(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let device_id = check.field("device_id").required().id();
    let pin = check.field("pin").required().digits_or_text(PIN);
    let name = check.field("name").text(100);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;
    let asked = EnrolPinRequest {
        user_id: 0,
        device_id,
        pin,
        name,
        idempotency_key,
    };
    let answer = client(&exchange)
        .enrol_pin(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let device = Device::from(answer.device.unwrap_or_default());
    Ok(exchange.answer("PIN registrado correctamente.", &device))
}

/// POST auth/pin/remove: of one's own device, or of one of a user.
pub async fn remove(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let device_id = check.field("device_id").required().id();
    let user_id = check.field("id_user").id();
    check.done()?;
    let asked = RemovePinRequest { user_id, device_id };
    let answer = client(&exchange)
        .remove_pin(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    Ok(exchange.done(if answer.removed {
        "PIN eliminado correctamente."
    } else {
        "Sin cambios: el dispositivo no tenia PIN."
    }))
}

/// GET auth/pin/devices: one's own, or those of a user.
pub async fn devices(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let user_id = check.field("id_user").id();
    check.done()?;
    let answer = client(&exchange)
        .list_pin_devices(exchange.call()?.request(ListPinDevicesRequest { user_id }))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let devices: Vec<Device> = answer.devices.into_iter().map(Device::from).collect();
    Ok(exchange.answer("", &devices))
}
