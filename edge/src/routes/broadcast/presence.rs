//! Presence rooms. All of these name a room by `room_id`, so all of them mean
//! `presencechat.{roomId}`; the other family of rooms is named by session.

use axum::response::Response;
use proto::realtime::v1::{EventClass, target::Target as Kind};
use serde::Serialize;
use serde_json::json;

use super::{MESSAGE, Said, chat_id, publish, user};
use crate::{errors::Failure, exchange::Exchange};

/// What the browser libraries whisper, so that listeners hear both alike.
const TYPING: &str = "client-typing";

/// What listeners of a room hear.
#[derive(Serialize)]
struct Spoken<'a> {
    #[serde(rename = "chatId")]
    chat_id: Option<String>,
    message: String,
    user: Speaker<'a>,
    room_id: &'a str,
    #[serde(rename = "customerId", skip_serializing_if = "Option::is_none")]
    customer_id: Option<i64>,
}

#[derive(Serialize)]
struct Speaker<'a> {
    id: i64,
    name: &'a str,
}

/// POST broadcast/sendPresenceChannel and sendPresenceWAPChannel.
pub async fn send(exchange: Exchange) -> Result<Response, Failure> {
    speak(exchange, false).await
}

/// POST broadcast/sendCustomerPresenceChannel.
pub async fn send_for_customer(exchange: Exchange) -> Result<Response, Failure> {
    speak(exchange, true).await
}

async fn speak(exchange: Exchange, with_customer: bool) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    let customer_id = with_customer.then(|| check.field("customerId").required().id());
    let message = check.field("message").required().text(1000);
    let room_id = check.field("room_id").required().digits_or_text(64);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let user = user(&exchange)?;
    let heard = Spoken {
        chat_id,
        message,
        user: Speaker {
            id: user.id.0,
            name: &user.name,
        },
        room_id: &room_id,
        customer_id,
    };
    let said = Said::durable(
        Kind::PresenceChat(room_id.clone()),
        MESSAGE,
        idempotency_key,
    );
    publish(&exchange, said, &heard).await?;
    Ok(exchange.done("Mensaje enviado"))
}

/// POST broadcast/userPresenceChannelTyping.
pub async fn typing(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let room_id = check.field("room_id").required().digits_or_text(64);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;
    let user = user(&exchange)?;
    let heard = json!({"user_id": user.id.0, "name": user.name, "room_id": room_id});
    whisper(&exchange, room_id, idempotency_key, &heard).await
}

/// POST broadcast/userPresenceCustomerChannelTyping. The mark keeps the ids of
/// customers apart from those of users.
pub async fn customer_typing(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let customer_id = check.field("customerId").required().id();
    let room_id = check.field("room_id").required().digits_or_text(64);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;
    let who = format!("customer:{customer_id}");
    let heard = json!({"user_id": who, "name": null, "room_id": room_id});
    whisper(&exchange, room_id, idempotency_key, &heard).await
}

async fn whisper(
    exchange: &Exchange,
    room_id: String,
    idempotency_key: String,
    heard: &serde_json::Value,
) -> Result<Response, Failure> {
    let said = Said {
        target: Kind::PresenceChat(room_id),
        event: TYPING,
        class: EventClass::Ephemeral,
        idempotency_key,
    };
    publish(exchange, said, heard).await?;
    Ok(exchange.done(""))
}
