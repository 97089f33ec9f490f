//! `/api/SSO`: single sign-on.

pub mod adi;

use axum::response::Response;
use http::StatusCode;
use proto::identity::v1::{
    AccessMode, AccessRequest, RefreshAccessRequest, SsoUser, sso_service_client::SsoServiceClient,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    credentials,
    errors::{Failure, Wording},
    exchange::{Exchange, secret},
    input::{Check, LINE},
};

/// The longest alias of a product.
const ALIAS: usize = 100;

const DONE: &str = "Usuario logueado.";

#[derive(Serialize)]
struct SignedIn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    authenticated: Option<bool>,
    id: i64,
    code: &'a str,
    name: &'a str,
    email: &'a str,
    phone: &'a str,
    token: &'a str,
}

fn client(exchange: &Exchange) -> SsoServiceClient<chassis::Upstream> {
    SsoServiceClient::new(exchange.app.upstreams.identity.clone())
}

/// POST SSO/access. The documents demand `user` and `usuario` both, and password and
/// PIN whatever the mode; only what the mode needs is looked at.
pub async fn access(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let product = check.field("product").required().text(ALIAS);
    let user = user_of(&mut check);
    let modes = [("normal", AccessMode::Normal), ("pin", AccessMode::Pin)];
    let mode = check.field("modo").required().one_of(&modes);
    let mut asked = AccessRequest {
        product,
        user,
        mode: mode.unwrap_or(AccessMode::Unspecified).into(),
        device_id: check.field("id_device").id(),
        client_ip: exchange
            .client_ip
            .map(|address| address.to_string())
            .unwrap_or_default(),
        ..AccessRequest::default()
    };
    match mode {
        Some(AccessMode::Pin) => {
            asked.pin = pin_of(&mut check);
            // Said once, if it is there and wrong.
            if exchange.input.get("id_device").is_none() {
                check.field("id_device").required().id();
            }
        }
        Some(_) => asked.password = check.field("password").required().text(LINE),
        None => {}
    }
    check.done()?;

    let answer = client(&exchange)
        .access(exchange.call()?.request(asked))
        .await
        .map_err(
            |status| match exchange.refused(&status, &Wording::GENERAL) {
                Failure::Unauthenticated => Failure::Told {
                    status: StatusCode::UNAUTHORIZED,
                    data: json!({"authenticated": false}),
                    message: "Credenciales invalidas.",
                },
                other => other,
            },
        )?
        .into_inner();
    let user = answer.user.unwrap_or_default();
    let data = signed_in(Some(true), &user, &answer.token);
    Ok(secret(exchange.answer(DONE, &data)))
}

/// GET SSO/refreshUserToken: a GET that changes state, as documented.
pub async fn refresh(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let product = check.field("product").required().text(ALIAS);
    check.done()?;

    let asked = RefreshAccessRequest {
        product,
        token: credentials::bearer(&exchange.headers)
            .unwrap_or_default()
            .to_owned(),
    };
    let answer = client(&exchange)
        .refresh_access(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &Wording::GENERAL))?
        .into_inner();
    let user = answer.user.unwrap_or_default();
    let data = signed_in(None, &user, &answer.token);
    Ok(secret(exchange.answer(DONE, &data)))
}

/// `usuario` when it was sent, else `user`.
fn user_of(check: &mut Check<'_>) -> String {
    if let Some(user) = check.field("usuario").text_if_sent(LINE) {
        return user;
    }
    if let Some(user) = check.field("user").text_if_sent(LINE) {
        return user;
    }
    check.field("usuario").required().text(LINE)
}

fn pin_of(check: &mut Check<'_>) -> String {
    let pin = check.field("pin").required().digits_or_text(LINE);
    let digits = pin.bytes().all(|byte| byte.is_ascii_digit());
    let fit = digits && (4..=12).contains(&pin.len());
    if !(fit || pin.is_empty()) {
        check.fail("pin", "El campo pin debe tener de 4 a 12 digitos.");
    }
    pin
}

fn signed_in<'a>(authenticated: Option<bool>, user: &'a SsoUser, token: &'a str) -> SignedIn<'a> {
    SignedIn {
        authenticated,
        id: user.user_id,
        code: &user.code,
        name: &user.name,
        email: &user.email,
        phone: &user.phone,
        token,
    }
}
