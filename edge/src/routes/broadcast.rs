//! `/api/broadcast`: events for the people who listen on sockets.

pub mod presence;

use ::auth::UserCaller;
use axum::response::Response;
use proto::realtime::v1::{
    ClientUser, EventClass, PublishRequest, Target, realtime_service_client::RealtimeServiceClient,
    target::Target as Kind,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    errors::{Failure, Wording},
    exchange::Exchange,
    input::Check,
};

const INVALID_CHANNEL: &str = "The selected channel is invalid.";

const WORDING: Wording = Wording::GENERAL.fields(&[
    ("channel", "", INVALID_CHANNEL),
    ("room_id", "", "The room id field format is invalid."),
    (
        "except_socket_id",
        "",
        "The X-Socket-ID header format is invalid.",
    ),
]);

const MESSAGE: &str = "MessageSent";
const NOTIFICATION: &str = "UserNotification";

const TYPES: &[(&str, &str)] = &[
    ("info", "info"),
    ("warning", "warning"),
    ("error", "error"),
    ("success", "success"),
];

/// What was published, as the answer tells it: less than the listeners hear.
#[derive(Serialize)]
struct Published<'a, T> {
    channel: &'a str,
    event: &'static str,
    payload: T,
}

#[derive(Serialize)]
struct PublicMessage<'a> {
    #[serde(rename = "chatId")]
    chat_id: Option<&'a str>,
    message: &'a str,
    user: &'a str,
}

#[derive(Serialize)]
struct Notice<'a> {
    title: &'a str,
    message: &'a str,
}

fn user(exchange: &Exchange) -> Result<&UserCaller, Failure> {
    let user = exchange.caller.user.as_ref();
    user.ok_or(Failure::Unauthenticated)
}

/// The optional reference to a chat.
fn chat_id(check: &mut Check<'_>) -> Option<String> {
    check.field("chatId").text_if_sent(64)
}

/// What to publish, and where.
struct Said {
    target: Kind,
    event: &'static str,
    class: EventClass,
    idempotency_key: String,
}

impl Said {
    fn durable(target: Kind, event: &'static str, idempotency_key: String) -> Self {
        Self {
            target,
            event,
            class: EventClass::Durable,
            idempotency_key,
        }
    }
}

/// Publishes and answers the documented name of the channel.
async fn publish<T: Serialize>(
    exchange: &Exchange,
    said: Said,
    heard: &T,
) -> Result<String, Failure> {
    let asked = PublishRequest {
        target: Some(Target {
            target: Some(said.target),
        }),
        event: said.event.to_owned(),
        data_json: serde_json::to_string(heard).map_err(|_| Failure::internal())?,
        except_socket_id: exchange.header("x-socket-id").into_owned(),
        class: said.class.into(),
        company_id: 0,
        idempotency_key: said.idempotency_key,
    };
    let published = RealtimeServiceClient::new(exchange.app.upstreams.realtime_broadcast.clone())
        .publish(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?;
    Ok(published.into_inner().logical_name)
}

/// POST broadcast/public-message.
pub async fn public(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    let message = check.field("message").required().text(500);
    let channel = check.field("channel").required().text(64);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let heard = PublicMessage {
        chat_id: chat_id.as_deref(),
        message: &message,
        user: &user(&exchange)?.name,
    };
    let said = Said::durable(Kind::PublicChat(channel), MESSAGE, idempotency_key);
    let channel = publish(&exchange, said, &heard).await?;
    let data = Published {
        channel: &channel,
        event: MESSAGE,
        payload: heard,
    };
    Ok(exchange.answer("Public message sent", &data))
}

/// POST broadcast/publicCustomer-message. The channel is named in full; nothing
/// but public ones can be.
pub async fn public_customer(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    let customer = check.field("customer").required().digits_or_text(64);
    let message = check.field("message").required().text(500);
    let channel = check.field("channel").required().text(72);
    let name = channel.strip_prefix("public.").unwrap_or_default();
    if name.is_empty() && !channel.is_empty() {
        check.fail("channel", INVALID_CHANNEL);
    }
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let heard = json!({
        "chatId": chat_id,
        "customer": customer,
        "message": message,
        "user": user(&exchange)?.name,
    });
    let said = Said::durable(
        Kind::PublicChannel(name.to_owned()),
        MESSAGE,
        idempotency_key,
    );
    let channel = publish(&exchange, said, &heard).await?;
    let data = Published {
        channel: &channel,
        event: MESSAGE,
        payload: json!({"customer": customer, "message": message}),
    };
    Ok(exchange.answer("Public message sent", &data))
}

/// POST broadcast/private-notification.
pub async fn private(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    let user_id = check.field("user_id").required().id();
    let target = Kind::PrivateUser(user_id);
    notify(&exchange, check, chat_id, target).await
}

/// POST broadcast/privateCustomer-notification.
pub async fn private_customer(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    let customer_id = check.field("customer_id").required().id();
    let user_id = check.field("user_id").required().id();
    let target = Kind::ClientUser(ClientUser {
        customer_id,
        user_id,
    });
    notify(&exchange, check, chat_id, target).await
}

async fn notify(
    exchange: &Exchange,
    mut check: Check<'_>,
    chat_id: Option<String>,
    target: Kind,
) -> Result<Response, Failure> {
    let title = check.field("title").required().text(100);
    let message = check.field("message").required().text(500);
    let kind = check.field("type").one_of(TYPES);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let heard = json!({
        "chatId": chat_id,
        "title": title,
        "message": message,
        "type": kind.unwrap_or("info"),
    });
    let said = Said::durable(target, NOTIFICATION, idempotency_key);
    let channel = publish(exchange, said, &heard).await?;
    let data = Published {
        channel: &channel,
        event: NOTIFICATION,
        payload: Notice {
            title: &title,
            message: &message,
        },
    };
    Ok(exchange.answer("Private notification sent", &data))
}

/// GET broadcast/channels-info: how channels are named, which never changes.
pub fn channels_info(exchange: &Exchange) -> Response {
    let data = json!({
        "channels": {
            "public": ["publicchat.general", "publicchat.support", "public.notifications"],
            "private": ["privateuser.{userId}", "privateclient.{clientId}"],
            "presence": ["presencechat.{roomId}", "presencesupport.{sessionId}"],
        },
        "events": [MESSAGE, NOTIFICATION, "ClientMessage", "UserStatusChanged"],
    });
    exchange.answer("", &data)
}
