//! `/api/telegram`: bots, and what Telegram posts.

use axum::response::Response;
use proto::channel::v1::{
    ConnectTelegramRequest, ReadTelegramRequest, SendTelegramRequest, WebhookSource,
    channel_service_client::ChannelServiceClient, sending_service_client::SendingServiceClient,
};
use serde::Serialize;

use super::{media, meta::accept};
use crate::{
    errors::{Failure, Shape, Wording},
    exchange::Exchange,
};

/// A longer text is sent in pieces; this is where it ends all the same.
const LONGEST_TEXT: usize = 32_000;

const BOT_TOKEN: &str = "El bot_token no es valido.";

const SENDING: Wording = Wording::GENERAL.fields(&[
    (
        "bot_token",
        "REQUIRED",
        "El campo bot_token es obligatorio: la empresa no tiene un bot activo.",
    ),
    (
        "bot_token",
        "AMBIGUOUS",
        "El campo bot_token es obligatorio: la empresa tiene varios bots activos.",
    ),
    ("bot_token", "INACTIVE", "El bot no esta activo."),
    ("bot_token", "", BOT_TOKEN),
]);

const CONNECTING: Wording = Wording::GENERAL
    .fields(&[
        ("bot_token", "", BOT_TOKEN),
        (
            "company",
            "NO_ACCESS",
            "La empresa no tiene acceso a canales de este tipo.",
        ),
        ("company", "", "La empresa indicada no existe."),
    ])
    .taken(Shape::Empty, "El bot ya esta conectado a otra empresa.");

#[derive(Serialize)]
struct Sent<'a> {
    id_chat: &'a str,
    message: &'a str,
}

/// POST telegram/setWebhook.
pub async fn set_webhook(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let bot_token = check
        .field("bot_token")
        .required_saying("El campo bot_token es requerido.")
        .text(191);
    let company_id = check
        .field("company")
        .required_saying("El campo company es requerido.")
        .id();
    let name = check
        .field("name")
        .required_saying("El campo name es requerido.")
        .text(191);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = ConnectTelegramRequest {
        bot_token,
        company_id,
        name,
        idempotency_key,
    };
    ChannelServiceClient::new(exchange.app.upstreams.channel_connector.clone())
        .connect_telegram(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &CONNECTING))?;
    Ok(exchange.done("Webhook configurado"))
}

/// POST telegram/sendTelegramMessage.
pub async fn send(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let bot_token = check.field("bot_token").text(191);
    let id_chat = check.field("id_chat").required().digits_or_text(64);
    let message = check.field("message").required().text(LONGEST_TEXT);
    let user_id = check.field("id_user").required().id();
    let user_name = check.field("name_user").required().text(191);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = SendTelegramRequest {
        bot_token,
        telegram_chat_id: id_chat.clone(),
        text: message.clone(),
        user_id,
        user_name,
        idempotency_key,
    };
    SendingServiceClient::new(exchange.app.upstreams.channel_connector.clone())
        .send_telegram(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &SENDING))?;
    let data = Sent {
        id_chat: &id_chat,
        message: &message,
    };
    Ok(exchange.answer("Mensaje enviado", &data))
}

#[derive(Serialize)]
struct Pending {
    id_chat: String,
    message: String,
}

/// POST telegram/readTelegramMessages.
pub async fn read(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let bot_token = check.field("bot_token").text(191);
    check.done()?;

    let asked = ReadTelegramRequest { bot_token };
    let answer = SendingServiceClient::new(exchange.app.upstreams.channel_connector.clone())
        .read_telegram(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &SENDING))?
        .into_inner();
    let rows = answer.messages.into_iter().map(|message| Pending {
        id_chat: message.telegram_chat_id,
        message: message.text,
    });
    let rows: Vec<Pending> = rows.collect();
    Ok(exchange.answer("Mensajes leidos", &rows))
}

/// GET telegram/getMediaFile.
pub async fn media_file(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let filename = check
        .field("filename")
        .required_saying("El campo filename es requerido.")
        .text(191);
    check.done()?;
    media::file(&exchange, filename).await
}

/// POST telegram/receive/{idChannel}.
pub async fn receive(exchange: Exchange) -> Result<Response, Failure> {
    let route_key = exchange.path("idChannel").to_owned();
    let secret = "x-telegram-bot-api-secret-token";
    accept(&exchange, WebhookSource::Telegram, route_key, secret).await?;
    Ok(exchange.done(""))
}
