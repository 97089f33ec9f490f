//! `/api/SSO/ADI`: systems that hand their users over to one another. The sentence
//! of an answer stands in its data, too.

use axum::response::Response;
use http::StatusCode;
use proto::identity::v1::{
    GenerateTokenRequest, RedeemTokenRequest, SetSystemTokenRequest,
    adi_service_client::AdiServiceClient,
};
use serde::Serialize;
use serde_json::{Value, json};
use tonic::Status;

use crate::{
    errors::{Failure, Wording},
    exchange::{Exchange, secret},
    input::LINE,
};

/// The longest alias of a system.
const ALIAS: usize = 100;

/// The longest token and the longest secret of a system.
const TOKEN: usize = 512;

#[derive(Serialize)]
struct Registered<'a> {
    alias_sistema: &'a str,
    message: &'a str,
    token_generado: &'a str,
}

#[derive(Serialize)]
struct Generated<'a> {
    base64_encoded: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Redeemed<'a> {
    authenticated: bool,
    username: &'a str,
    email: &'a str,
    sistema: &'a str,
    message: &'a str,
}

fn client(exchange: &Exchange) -> AdiServiceClient<chassis::Upstream> {
    AdiServiceClient::new(exchange.app.upstreams.identity.clone())
}

/// POST SSO/ADI/setToken.
pub async fn set_token(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let system = check.field("sistema").required().text(ALIAS);
    let states = [("activo", true), ("inactivo", false)];
    let active = check.field("estado").one_of(&states);
    let rotate = check
        .field("update_token")
        .one_of(&[("S", true), ("N", false)]);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = SetSystemTokenRequest {
        system,
        active,
        rotate: rotate.unwrap_or(false),
        idempotency_key,
    };
    let answer = client(&exchange)
        .set_system_token(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &Wording::GENERAL))?
        .into_inner();
    let message = if answer.created {
        "Registro creado correctamente."
    } else {
        "Registro actualizado correctamente."
    };
    let data = Registered {
        alias_sistema: &answer.system,
        message,
        token_generado: &answer.token,
    };
    Ok(secret(exchange.answer(message, &data)))
}

/// POST SSO/ADI/generateToken.
pub async fn generate_token(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let username = check.field("username").required().text(LINE);
    let email = check.field("email").required().email();
    let system = check.field("sistema").required().text(ALIAS);
    let system_token = check.field("token").required().text(TOKEN);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = GenerateTokenRequest {
        username,
        email,
        system,
        system_token,
        idempotency_key,
    };
    let message = "Credenciales del sistema invalidas.";
    let answer = client(&exchange)
        .generate_token(exchange.call()?.request(asked))
        .await
        .map_err(|status| wrong(&exchange, &status, json!({"message": message}), message))?
        .into_inner();
    let message = "Solicitud de acceso generada.";
    let data = Generated {
        base64_encoded: &answer.token,
        message,
    };
    Ok(secret(exchange.answer(message, &data)))
}

/// POST SSO/ADI/Token. `sistema` is ours: a system that names itself is not deceived
/// by a token that was made for another one.
pub async fn redeem_token(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let token = check.field("token").required().text(TOKEN);
    let system = check.field("sistema").text_if_sent(ALIAS);
    check.done()?;

    let asked = RedeemTokenRequest { token, system };
    let message = "Token invalido.";
    let refused = json!({"authenticated": false, "message": message});
    let answer = client(&exchange)
        .redeem_token(exchange.call()?.request(asked))
        .await
        .map_err(|status| wrong(&exchange, &status, refused, message))?
        .into_inner();
    let message = "Usuario Autenticado.";
    let data = Redeemed {
        authenticated: true,
        username: &answer.username,
        email: &answer.email,
        sistema: &answer.system,
        message,
    };
    Ok(secret(exchange.answer(message, &data)))
}

/// A 401 in the shape of these routes; any other refusal as everywhere.
fn wrong(exchange: &Exchange, status: &Status, data: Value, message: &'static str) -> Failure {
    match exchange.refused(status, &Wording::GENERAL) {
        Failure::Unauthenticated => Failure::Told {
            status: StatusCode::UNAUTHORIZED,
            data,
            message,
        },
        other => other,
    }
}
