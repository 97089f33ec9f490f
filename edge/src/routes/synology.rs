//! `/api/Synology`: what bots of Synology Chat post.

use axum::response::Response;
use chassis::code::refusal;
use prost_types::Timestamp;
use proto::mail::v1::{
    HandleBotMessageRequest, synology_bot_service_client::SynologyBotServiceClient,
};
use serde::Serialize;
use serde_json::value::RawValue;
use tonic::Code;

use crate::{
    errors::{Failure, Shape, Wording},
    exchange::Exchange,
};

const WORDING: Wording = Wording::GENERAL
    .missing(Shape::Empty, "No se encontro el usuario indicado.")
    .taken(
        Shape::Empty,
        "El identificador de Synology ya pertenece a otro usuario.",
    );

#[derive(Serialize)]
struct Bound<'a> {
    response_update_usuario: &'a str,
    /// What Synology Chat said, as it said it.
    synology_response: Box<RawValue>,
}

/// POST Synology/BotAsistencia/configurarIdUsuario. The token in the body is the
/// credential, so it is judged before the other fields are.
pub async fn configure_user_id(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let token = check.field("token").required().text(1024);
    let user_id = check.field("user_id").required().id();
    let username = check.field("username").required().digits_or_text(191);
    let thread_id = check.field("thread_id").integer(0..=i64::MAX);
    let milliseconds = check.field("timestamp").integer(0..=i64::MAX);
    let text = check.field("text").text(65_536);
    let fields = check.done();
    if token.is_empty() {
        fields?;
        return Err(Failure::ConsumerCredentials);
    }

    let asked = HandleBotMessageRequest {
        token,
        // Nothing may happen when a field is wrong, and this is nobody's id.
        synology_user_id: if fields.is_ok() { user_id } else { 0 },
        username,
        thread_id,
        sent_at: (milliseconds > 0).then(|| timestamp(milliseconds)),
        text,
        client_ip: exchange
            .client_ip
            .map(|address| address.to_string())
            .unwrap_or_default(),
    };
    let answer = SynologyBotServiceClient::new(exchange.app.upstreams.mail_ticket.clone())
        .handle_bot_message(exchange.call()?.request(asked))
        .await;
    let answer = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) if refusal(&status).reason == "BOT_TOKEN" => {
            return Err(Failure::ConsumerCredentials);
        }
        Err(status) => {
            if status.code() == Code::InvalidArgument {
                fields?;
            }
            return Err(exchange.refused(&status, &WORDING));
        }
    };
    let message = format!("Usuario {} actualizado.", answer.login);
    let data = Bound {
        response_update_usuario: &message,
        synology_response: RawValue::from_string(answer.synology_response_json)
            .map_err(|_| Failure::internal())?,
    };
    Ok(exchange.answer(&message, &data))
}

fn timestamp(milliseconds: i64) -> Timestamp {
    let nanos = i32::try_from(milliseconds % 1000).unwrap_or(0) * 1_000_000;
    Timestamp {
        seconds: milliseconds / 1000,
        nanos,
    }
}
