//! `/api/admin/channels`: the accounts that a company writes through.

use axum::response::Response;
use proto::channel::v1::{
    Channel, ChannelType, CreateChannelRequest, GetChannelRequest, ListChannelsRequest,
    UpdateChannelRequest, UpdateChannelStatusRequest, channel_service_client::ChannelServiceClient,
};
use serde::Serialize;

use crate::{
    envelope::Page,
    errors::{Failure, Shape, Wording},
    exchange::{Exchange, LARGEST_ANSWER, with_total},
    input::Paging,
};

const COMPANY_REQUIRED: &str = "El id de la empresa es obligatorio.";

const TOKEN_REQUIRED: &str = "El token es obligatorio salvo cuando el tipo es telegram.";

const STATUS: &str = "El estado debe ser 0 (Inactivo) o 1 (Activo).";

/// The documented types.
const TYPES: &[(&str, ChannelType)] = &[
    ("instagram", ChannelType::Instagram),
    ("messenger", ChannelType::Messenger),
    ("telegram", ChannelType::Telegram),
    ("webchat", ChannelType::Webchat),
    ("whatsapp", ChannelType::Whatsapp),
    ("whatsappfb", ChannelType::Whatsappfb),
];

const WORDING: Wording = Wording::GENERAL
    .fields(&[
        ("token", "REQUIRED", TOKEN_REQUIRED),
        ("id_company", "REQUIRED", COMPANY_REQUIRED),
        (
            "id_company",
            "NOT_REGISTERED",
            "La empresa indicada no existe.",
        ),
        (
            "id_company",
            "NO_ACCESS",
            "La empresa no tiene acceso a canales de este tipo.",
        ),
    ])
    .missing(Shape::Null, "El canal indicado no existe.")
    .taken(Shape::Empty, "La cuenta ya esta conectada a un canal.");

const SHOWING: Wording = Wording::GENERAL.missing(
    Shape::Null,
    "Canal no encontrado para los criterios enviados.",
);

const UPDATING: Wording = WORDING.missing(
    Shape::Null,
    "El canal no pertenece al cliente indicado o no existe.",
);

/// What stands where a secret would.
const MASK: &str = "****";

/// A channel as the lists show it.
#[derive(Serialize)]
struct Row {
    id_channel: i64,
    company: i64,
    name: String,
    app: String,
    uuid: String,
    r#type: &'static str,
    token: &'static str,
    channel_status: u8,
}

fn name_of(kind: ChannelType) -> &'static str {
    TYPES
        .iter()
        .find(|(_, known)| *known == kind)
        .map_or("", |(name, _)| name)
}

impl From<Channel> for Row {
    fn from(channel: Channel) -> Self {
        let kind = channel.r#type();
        Self {
            id_channel: channel.channel_id,
            company: channel.company_id,
            name: channel.name,
            app: channel.app,
            uuid: channel.uuid,
            r#type: name_of(kind),
            token: MASK,
            channel_status: channel.active.into(),
        }
    }
}

/// A channel as its change shows it: other keys, another order.
#[derive(Serialize)]
struct Changed {
    id_channel: i64,
    company: i64,
    name: String,
    app: String,
    r#type: &'static str,
    token: &'static str,
    uuid: String,
    secret_key: String,
    additional_app_id: String,
    channel_status: u8,
}

#[derive(Serialize)]
struct Switched {
    id_channel: i64,
    channel_status: u8,
}

fn client(exchange: &Exchange) -> ChannelServiceClient<chassis::Upstream> {
    ChannelServiceClient::new(exchange.app.upstreams.channel_connector.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

/// POST admin/channels/list.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    const LISTED: &str = "Canales listados correctamente.";
    let mut check = exchange.check();
    let company_id = check
        .field("id_company")
        .required_saying(COMPANY_REQUIRED)
        .id();
    let page = check.paging(Paging::Optional);
    check.object("filters");
    let name = check.field("filters.name").text(191);
    let kind = check.field("filters.type").one_of(TYPES);
    let uuid = check.field("filters.uuid").text(191);
    let app_id = check.field("filters.app_id").digits_or_text(191);
    check.done()?;

    let asked = ListChannelsRequest {
        company_id,
        page: Some(page),
        name,
        r#type: kind.unwrap_or_default().into(),
        uuid,
        app_id,
        active_only: false,
    };
    let answer = client(&exchange)
        .list_channels(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let info = answer.page.unwrap_or_default();
    let rows: Vec<Row> = answer.channels.into_iter().map(Row::from).collect();
    Ok(if page.unpaged {
        with_total(exchange.answer(LISTED, &rows), info.total)
    } else {
        exchange.answer(LISTED, &Page::new(&info, rows))
    })
}

/// POST admin/channels/store. That a creation is answered as an update is
/// documented.
pub async fn store(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let company_id = check
        .field("id_company")
        .required_saying(COMPANY_REQUIRED)
        .id();
    let name = check.field("name").required().text(191);
    let app = check.field("app").required().digits_or_text(191);
    let kind = check.field("type").required().one_of(TYPES);
    let token = if kind == Some(ChannelType::Telegram) {
        check.field("token").text(1024)
    } else {
        check
            .field("token")
            .required_saying(TOKEN_REQUIRED)
            .text(1024)
    };
    let secret_key = check.field("secret_key").text(1024);
    let additional_app_id = check.field("additional_app_id").digits_or_text(191);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = CreateChannelRequest {
        company_id,
        name,
        r#type: kind.unwrap_or_default().into(),
        app,
        token,
        secret_key,
        additional_app_id,
        idempotency_key,
    };
    let answer = client(&exchange)
        .create_channel(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let row = Row::from(answer.channel.unwrap_or_default());
    Ok(exchange.answer("Canal actualizado correctamente.", &row))
}

/// GET admin/channels/show.
pub async fn show(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let company_id = check
        .field("id_company")
        .required_saying("El parametro id_company es obligatorio.")
        .id();
    let channel_id = check
        .field("id_channel")
        .required_saying("El parametro id_channel es obligatorio.")
        .id();
    let kind = check
        .field("type_channel")
        .required_saying("El parametro type_channel es obligatorio.")
        .one_of(TYPES);
    check.done()?;

    let asked = GetChannelRequest {
        channel_id,
        company_id,
        r#type: kind.unwrap_or_default().into(),
    };
    let answer = client(&exchange)
        .get_channel(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &SHOWING))?
        .into_inner();
    Ok(exchange.answer("", &Row::from(answer.channel.unwrap_or_default())))
}

/// PATCH admin/channels/update. A secret is shown only to who just set it.
pub async fn update(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let channel_id = check.field("id_channel").required().id();
    let company_id = check.field("id_company").required().id();
    let name = check.field("name").text_if_sent(191);
    let app = check.field("app").text_if_sent(191);
    let kind = check.field("type").one_of(TYPES);
    let token = check.field("token").text_if_sent(1024);
    let secret_key = check.field("secret_key").text_if_sent(1024);
    let additional_app_id = check.field("additional_app_id").text_if_sent(191);
    let texts = [&name, &app, &token, &secret_key, &additional_app_id];
    if kind.is_none() && texts.iter().all(|text| text.is_none()) {
        check.fail("general", "Debe editar al menos un campo.");
    }
    check.done()?;

    let asked = UpdateChannelRequest {
        channel_id,
        company_id,
        name,
        app,
        r#type: kind.map(Into::into),
        token,
        secret_key: secret_key.clone(),
        additional_app_id,
    };
    let answer = client(&exchange)
        .update_channel(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &UPDATING))?
        .into_inner();
    let channel = answer.channel.unwrap_or_default();
    let kind = channel.r#type();
    let data = Changed {
        id_channel: channel.channel_id,
        company: channel.company_id,
        name: channel.name,
        app: channel.app,
        r#type: name_of(kind),
        token: MASK,
        uuid: channel.uuid,
        secret_key: secret_key.unwrap_or_else(|| MASK.to_owned()),
        additional_app_id: channel.additional_app_id,
        channel_status: channel.active.into(),
    };
    Ok(exchange.answer("Canal actualizado correctamente.", &data))
}

/// PATCH admin/channels/update-status.
pub async fn update_status(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let channel_id = check.field("id_channel").required().id();
    let active = check
        .field("channel_status")
        .saying(STATUS)
        .required()
        .switch();
    check.done()?;

    let asked = UpdateChannelStatusRequest {
        channel_id,
        active: active.unwrap_or_default(),
    };
    let answer = client(&exchange)
        .update_channel_status(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let channel = answer.channel.unwrap_or_default();
    let message = if answer.changed {
        "Estado de canal actualizado correctamente."
    } else {
        "Sin cambios: el canal ya se encuentra en el estado solicitado."
    };
    let data = Switched {
        id_channel: channel.channel_id,
        channel_status: channel.active.into(),
    };
    Ok(exchange.answer(message, &data))
}
