//! `/api/auth`: signing in.

use axum::response::Response;
use http::StatusCode;
use proto::identity::v1::{
    LoginRequest, LogoutRequest, TokenShape, session_service_client::SessionServiceClient,
};
use serde::Serialize;
use tonic::Status;

use crate::{
    errors::{Failure, Wording},
    exchange::{Exchange, secret},
};

#[derive(Serialize)]
struct LoggedIn<'a> {
    token: &'a str,
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    id: i64,
    name: &'a str,
    email: &'a str,
}

fn client(exchange: &Exchange) -> SessionServiceClient<chassis::Upstream> {
    SessionServiceClient::new(exchange.app.upstreams.identity.clone())
}

/// POST auth/login.
pub async fn login(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let email = check.field("email").required().text(191);
    let password = check.field("password").required().text(191);
    check.done()?;

    let asked = LoginRequest {
        email,
        password,
        shape: TokenShape::Jwt.into(),
        device_id: 0,
        client_ip: exchange.client_ip(),
    };
    let answer = client(&exchange)
        .login(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status))?
        .into_inner();
    let user = answer.user.unwrap_or_default();
    let data = LoggedIn {
        token: &answer.token,
        user: User {
            id: user.user_id,
            name: &user.name,
            email: &user.email,
        },
    };
    Ok(secret(exchange.answer("Login exitoso.", &data)))
}

/// What the refusal of a login means: there is but one sentence for every cause.
pub fn refused(exchange: &Exchange, status: &Status) -> Failure {
    match exchange.refused(status, &Wording::GENERAL) {
        Failure::Unauthenticated => {
            Failure::said(StatusCode::UNAUTHORIZED, "Credenciales invalidas.")
        }
        other => other,
    }
}

/// DELETE auth/logout. When this has answered, nobody takes the token any more.
pub async fn logout(exchange: Exchange) -> Result<Response, Failure> {
    client(&exchange)
        .logout(exchange.call()?.request(LogoutRequest {}))
        .await
        .map_err(|status| exchange.refused(&status, &Wording::GENERAL))?;
    Ok(exchange.done("Logout exitoso."))
}
