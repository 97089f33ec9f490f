//! `/api/auth`: signing in.

use axum::response::Response;
use http::StatusCode;
use proto::identity::v1::{
    GetUserPictureRequest, LoginRequest, LogoutRequest, RefreshRequest, TokenShape,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use serde::Serialize;
use tonic::{Code, Status};

use super::pictures;
use crate::{
    credentials::bearer,
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

#[derive(Serialize)]
struct Refreshed<'a> {
    token: &'a str,
}

#[derive(Serialize)]
struct UserData<'a> {
    #[serde(flatten)]
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pic_url: Option<String>,
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

/// GET auth/refreshUserToken: it changes state by GET, so nothing may keep it.
pub async fn refresh(exchange: Exchange) -> Result<Response, Failure> {
    let token = bearer(&exchange.headers).ok_or(Failure::Unauthenticated)?;
    let token = token.to_owned();
    let answer = client(&exchange)
        .refresh(exchange.call()?.request(RefreshRequest { token }))
        .await
        .map_err(|status| exchange.refused(&status, &Wording::GENERAL))?
        .into_inner();
    let data = Refreshed {
        token: &answer.token,
    };
    Ok(secret(exchange.answer("Token refrescado.", &data)))
}

/// GET auth/getRequestUserData.
pub async fn user_data(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let with_picture = check.field("include").one_of(&[("pic_url", ())]);
    check.done()?;
    let (headers, left) = (&exchange.headers, exchange.time_left());
    let user = exchange.app.guard.principal(headers, left).await?;
    let pic_url = match with_picture {
        Some(()) => Some(picture(&exchange, user.user_id).await?),
        None => None,
    };
    let data = UserData {
        user: User {
            id: user.user_id,
            name: &user.name,
            email: &user.email,
        },
        pic_url,
    };
    Ok(exchange.answer("", &data))
}

/// Where the picture of a user is shown; empty when there is none.
async fn picture(exchange: &Exchange, user_id: i64) -> Result<String, Failure> {
    let asked = GetUserPictureRequest {
        user_id,
        info_only: true,
    };
    let asked = exchange.call()?.request(asked);
    let mut users = UserServiceClient::new(exchange.app.upstreams.identity.clone());
    match users.get_user_picture(asked).await {
        Ok(_) => Ok(pictures::url(&exchange.app.public_url, user_id)),
        Err(status) if status.code() == Code::NotFound => Ok(String::new()),
        Err(status) => Err(exchange.refused(&status, &Wording::GENERAL)),
    }
}
