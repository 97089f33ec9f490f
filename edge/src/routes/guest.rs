//! `/api/guest`: the people who write to a company.

use ::auth::CompanyId;
use axum::response::Response;
use http::StatusCode;
use proto::conversation::v1::{
    GetGuestByPhoneRequest, StoreGuestRequest, guest_service_client::GuestServiceClient,
};
use serde::Serialize;

use crate::{
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, secret},
};

const WORDING: Wording = Wording::GENERAL.fields(&[
    ("phone", "INVALID", "The phone field format is invalid."),
    (
        "email",
        "INVALID",
        "The email field must be a valid email address.",
    ),
]);

#[derive(Serialize)]
struct Stored<'a> {
    usuario: Guest<'a>,
    token: &'a str,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
}

#[derive(Serialize)]
struct Guest<'a> {
    id: i64,
    name: &'a str,
    email: Option<&'a str>,
    phone: &'a str,
    token: &'a str,
}

fn client(exchange: &Exchange) -> GuestServiceClient<chassis::Upstream> {
    GuestServiceClient::new(exchange.app.upstreams.conversation.clone())
}

/// POST guest/store.
pub async fn store(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let name = check.field("name").required().text(191);
    let email = check.field("email").email();
    let phone = check.field("phone").required().digits_or_text(64);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = StoreGuestRequest {
        company_id: CompanyId::or_zero(exchange.caller.home_company()),
        name,
        email,
        phone,
        idempotency_key,
    };
    let answer = client(&exchange)
        .store_guest(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let guest = answer.guest.unwrap_or_default();
    let data = Stored {
        usuario: Guest {
            id: guest.guest_id,
            name: &guest.name,
            email: Some(guest.email.as_str()).filter(|email| !email.is_empty()),
            phone: &guest.phone,
            token: &answer.token,
        },
        token: &answer.token,
    };
    Ok(secret(
        exchange.answer("Usuario invitado registrado", &data),
    ))
}

/// GET guest/get_token_by_phone/{phone}. What is no number belongs to nobody; the
/// documents answer both with 400.
pub async fn token_by_phone(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let phone = check.field("phone").text(64);
    check.done()?;

    let asked = GetGuestByPhoneRequest {
        phone,
        company_id: CompanyId::or_zero(exchange.caller.home_company()),
    };
    let answer = client(&exchange)
        .get_guest_by_phone(exchange.call()?.request(asked))
        .await
        .map_err(|status| match status.code() {
            tonic::Code::NotFound | tonic::Code::InvalidArgument => Failure::shaped(
                StatusCode::BAD_REQUEST,
                Shape::Absent,
                "Usuario no encontrado",
            ),
            _ => exchange.refused(&status, &WORDING),
        })?
        .into_inner();
    let data = Token {
        token: &answer.token,
    };
    Ok(secret(exchange.answer("Consulta Token Invitado", &data)))
}
