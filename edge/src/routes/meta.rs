//! `/api/meta`: WhatsApp, Messenger and Instagram.

use axum::response::Response;
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use chassis::ErrorCode;
use proto::channel::v1::{
    AcceptRequest, ChannelType, ListChannelsRequest, SendWhatsAppRequest,
    VerifySubscriptionRequest, WebhookSource, channel_service_client::ChannelServiceClient,
    sending_service_client::SendingServiceClient, webhook_service_client::WebhookServiceClient,
};
use proto::common::v1::PageRequest;
use serde::Serialize;
use serde_json::json;

use super::{ids, media};
use crate::{
    envelope,
    errors::{Failure, Wording},
    exchange::{Exchange, LARGEST_ANSWER},
    table::FILE_BODY,
};

/// The largest file that fits beside the rest of a call to a service.
const LARGEST_FILE: usize = 4 * 1024 * 1024;

const FILE: &str = "El campo file debe ser un archivo en base64.";

const WORDING: Wording = Wording::GENERAL.fields(&[
    ("whatsapp_channel", "INACTIVE", "El canal no esta activo."),
    (
        "file",
        "TYPE_UNKNOWN",
        "El tipo del archivo no se reconoce.",
    ),
    (
        "whatsapp_channel",
        "",
        "El whatsapp_channel no se encuentra registrado.",
    ),
    (
        "to",
        "",
        "El campo to debe ser un numero de telefono valido.",
    ),
    ("tokenGuest", "", "El tokenGuest no es valido."),
]);

#[derive(Serialize)]
struct Queued {
    id_message: String,
    id_chat: String,
    status: &'static str,
}

/// POST meta/sendMessagesWAP.
pub async fn send(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let channel_id = check.field("whatsapp_channel").required().id();
    let to = check.field("to").required().digits_or_text(191);
    let text = check.field("message").required().text(4096);
    let guest_token = check.field("tokenGuest").text(1024);
    let file = match exchange.input.upload("file") {
        Some(upload) => Some(upload.content.clone()),
        None => decode(&check.field("file").text(FILE_BODY)).map(Bytes::from),
    };
    match &file {
        None => check.fail("file", FILE),
        Some(file) if file.len() > LARGEST_FILE => {
            check.fail("file", "El campo file no debe superar 4 MB.");
        }
        Some(_) => {}
    }
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = SendWhatsAppRequest {
        channel_id,
        to,
        text,
        guest_token,
        file: file.unwrap_or_default(),
        idempotency_key,
    };
    let answer = SendingServiceClient::new(exchange.app.upstreams.channel_connector.clone())
        .send_whats_app(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let data = Queued {
        id_message: ids::message(answer.message_id),
        id_chat: ids::chat(answer.chat_id),
        status: "queued",
    };
    Ok(exchange.answer("Mensaje Meta Enviado", &data))
}

/// The bytes of base64 text, with or without a `data:` head, padding and line
/// breaks; none when it is something else, empty when it is empty.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let encoded = match text.strip_prefix("data:") {
        Some(rest) => {
            let (head, encoded) = rest.split_once(',')?;
            head.ends_with(";base64").then_some(encoded)?
        }
        None => text,
    };
    let encoded: Vec<u8> = encoded
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let alphabet = if encoded.contains(&b'-') || encoded.contains(&b'_') {
        &URL_SAFE
    } else {
        &STANDARD
    };
    GeneralPurpose::new(alphabet, lenient).decode(encoded).ok()
}

/// A channel as this list shows it, which is not as the administration does.
#[derive(Serialize)]
struct Setting {
    id_channel: i64,
    name: String,
    uuid: String,
    company: i64,
    r#type: &'static str,
    channel_status: u8,
}

/// GET meta/getChannelSettingsList. The message speaks of something else; that is
/// documented.
pub async fn settings(exchange: Exchange) -> Result<Response, Failure> {
    let asked = ListChannelsRequest {
        page: Some(PageRequest {
            unpaged: true,
            ..PageRequest::default()
        }),
        r#type: ChannelType::Whatsappfb.into(),
        active_only: true,
        ..ListChannelsRequest::default()
    };
    let answer = ChannelServiceClient::new(exchange.app.upstreams.channel_connector.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
        .list_channels(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &Wording::GENERAL))?
        .into_inner();
    let rows = answer.channels.into_iter().map(|channel| Setting {
        id_channel: channel.channel_id,
        name: channel.name,
        uuid: channel.uuid,
        company: channel.company_id,
        r#type: "whatsappfb",
        channel_status: channel.active.into(),
    });
    let rows: Vec<Setting> = rows.collect();
    Ok(exchange.answer("Mensaje Meta Enviado", &rows))
}

/// GET meta/getMediaFile. A name that is missing is as unknown as any other; the documents know
/// no 422 here.
pub async fn media_file(exchange: Exchange) -> Result<Response, Failure> {
    let filename = exchange.input.text("filename").to_owned();
    media::file(&exchange, filename).await
}

/// POST meta/readMessagesWAP, with the uuid of a channel or without.
pub async fn receive(exchange: Exchange) -> Result<Response, Failure> {
    let route_key = exchange.path("uuid").to_owned();
    accept(
        &exchange,
        WebhookSource::Meta,
        route_key,
        "x-hub-signature-256",
    )
    .await?;
    // The body is taken apart after the answer, so this is always empty.
    let data = json!({"guest": {}, "file": null});
    Ok(exchange.answer("Mensaje Meta Recibido", &data))
}

/// Hands a webhook on as it came. A refusal is answered so that the provider
/// tries again, unless trying again could not help.
pub async fn accept(
    exchange: &Exchange,
    source: WebhookSource,
    route_key: String,
    signature: &str,
) -> Result<(), Failure> {
    let asked = AcceptRequest {
        source: source.into(),
        route_key,
        body: exchange.body.clone(),
        signature: exchange
            .headers
            .get(signature)
            .map(|value| Bytes::copy_from_slice(value.as_bytes()))
            .unwrap_or_default(),
        content_type: exchange.header("content-type").into_owned(),
        user_agent: exchange.header("user-agent").into_owned(),
    };
    let accepted = webhooks(exchange)
        .accept(exchange.call()?.request(asked))
        .await;
    let Err(status) = accepted else {
        return Ok(());
    };
    match ErrorCode::of(status.code()) {
        ErrorCode::Unauthenticated => Err(Failure::Unauthenticated),
        ErrorCode::Unavailable | ErrorCode::Timeout | ErrorCode::RateLimited => {
            Err(Failure::unavailable())
        }
        ErrorCode::TooLarge | ErrorCode::Internal => {
            Err(exchange.refused(&status, &Wording::GENERAL))
        }
        // It will never be taken; a provider that hears so would send it again
        // and hold back everything behind it.
        _ => {
            tracing::warn!(code = ?status.code(), message = status.message(), "webhook dropped");
            Ok(())
        }
    }
}

/// GET meta/readMessagesWAP: Meta asks whether the address is ours.
pub async fn verify(exchange: Exchange) -> Result<Response, Failure> {
    let asked = VerifySubscriptionRequest {
        route_key: exchange.path("uuid").to_owned(),
        mode: exchange.input.text("hub.mode").to_owned(),
        verify_token: exchange.input.text("hub.verify_token").to_owned(),
    };
    webhooks(&exchange)
        .verify_subscription(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &Wording::GENERAL))?;
    Ok(envelope::text(
        exchange.input.text("hub.challenge").to_owned(),
    ))
}

fn webhooks(exchange: &Exchange) -> WebhookServiceClient<chassis::Upstream> {
    WebhookServiceClient::new(exchange.app.upstreams.channel_connector.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_every_usual_writing() {
        let hello = Some(b"hello?>".to_vec());
        for text in [
            "aGVsbG8/Pg==",
            "aGVsbG8/Pg",
            "aGVsbG8_Pg",
            "data:text/plain;base64,aGVsbG8/\r\nPg==",
        ] {
            assert_eq!(decode(text), hello, "{text}");
        }
        assert_eq!(decode(""), Some(vec![]));
        for wrong in ["...", "data:text/plain,hello", "data:nothing"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
