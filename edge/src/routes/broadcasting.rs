//! `/broadcasting`: browsers ask for the signature of a subscription. They hold
//! the token of a user and no secret of an API client.

use axum::response::Response;
use proto::realtime::v1::{
    AuthenticateUserRequest, AuthorizeChannelRequest,
    realtime_service_client::RealtimeServiceClient,
};
use serde::Serialize;

use crate::{
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, secret},
};

const FORBIDDEN: &str = "This action is unauthorized.";

/// A channel that does not exist is one that nobody may listen on.
const WORDING: Wording = Wording::GENERAL
    .fields(&[
        ("socket_id", "", "The socket id field format is invalid."),
        (
            "channel_name",
            "",
            "The channel name field format is invalid.",
        ),
    ])
    .forbidden(Shape::MessageAlone, FORBIDDEN);

#[derive(Serialize)]
struct Channel<'a> {
    auth: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    channel_data: &'a str,
}

#[derive(Serialize)]
struct User<'a> {
    auth: &'a str,
    user_data: &'a str,
}

fn client(exchange: &Exchange) -> RealtimeServiceClient<chassis::Upstream> {
    RealtimeServiceClient::new(exchange.app.upstreams.realtime_broadcast.clone())
}

/// GET or POST broadcasting/auth.
pub async fn channel(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let socket_id = check.field("socket_id").required().digits_or_text(64);
    let channel_name = check.field("channel_name").required().text(191);
    check.done()?;

    let asked = AuthorizeChannelRequest {
        socket_id,
        channel_name,
    };
    let answer = client(&exchange)
        .authorize_channel(exchange.call()?.request(asked))
        .await
        .map_err(|status| refused(&exchange, &status))?
        .into_inner();
    let data = Channel {
        auth: &answer.auth,
        channel_data: &answer.channel_data,
    };
    Ok(secret(exchange.answer("", &data)))
}

/// GET or POST broadcasting/user-auth.
pub async fn user(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let socket_id = check.field("socket_id").required().digits_or_text(64);
    check.done()?;

    let answer = client(&exchange)
        .authenticate_user(
            exchange
                .call()?
                .request(AuthenticateUserRequest { socket_id }),
        )
        .await
        .map_err(|status| refused(&exchange, &status))?
        .into_inner();
    let data = User {
        auth: &answer.auth,
        user_data: &answer.user_data,
    };
    Ok(secret(exchange.answer("", &data)))
}

fn refused(exchange: &Exchange, status: &tonic::Status) -> Failure {
    if status.code() == tonic::Code::NotFound {
        return Failure::shaped(http::StatusCode::FORBIDDEN, Shape::MessageAlone, FORBIDDEN);
    }
    exchange.refused(status, &WORDING)
}
