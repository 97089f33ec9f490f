//! ChannelService: decode, call, encode.

use auth::{Caller, ChannelId, CompanyId, Role};
use chassis::config::Secret;
use idempotency::{Asked, Begun, Claim};
use proto::{
    channel::v1::{
        self as wire, ConnectTelegramRequest, ConnectTelegramResponse, CreateChannelRequest,
        CreateChannelResponse, GetChannelRequest, GetChannelResponse, ListChannelsRequest,
        ListChannelsResponse, UpdateChannelRequest, UpdateChannelResponse,
        UpdateChannelStatusRequest, UpdateChannelStatusResponse,
        channel_service_server::ChannelService,
    },
    common::v1::PageInfo,
};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Change, Channel, ChannelType, Channels, Filter, NewChannel, connect::NewBot};
use crate::error::{Error, Result};

/// The most channels of an unpaged list.
const CAP: u32 = 10_000;

/// ChannelService over the channels of this installation.
pub(crate) struct Rpc(pub(crate) Channels);

#[tonic::async_trait]
impl ChannelService for Rpc {
    async fn list_channels(
        &self,
        request: Request<ListChannelsRequest>,
    ) -> std::result::Result<Response<ListChannelsResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = request.into_inner();
        let asked = wanted.page.unwrap_or_default();
        let page = postgres::Page::new(asked.page, asked.per_page, asked.unpaged, CAP);
        let (channels, total) = match filter(&wanted) {
            Some(filter) => self.0.list(caller.scope(), &filter, page).await?,
            None => (Vec::new(), 0),
        };
        Ok(Response::new(ListChannelsResponse {
            channels: channels
                .iter()
                .map(|channel| self.shown(&caller, channel))
                .collect(),
            page: Some(PageInfo {
                page: page.number,
                per_page: page.rows,
                total,
            }),
        }))
    }

    async fn get_channel(
        &self,
        request: Request<GetChannelRequest>,
    ) -> std::result::Result<Response<GetChannelResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = request.into_inner();
        let channel = self
            .0
            .get(caller.scope(), ChannelId(wanted.channel_id))
            .await?;
        let company = CompanyId::present(wanted.company_id);
        let kind = known_type(wanted.r#type());
        if company.is_some_and(|company| company != channel.company)
            || kind.is_some_and(|kind| kind != channel.kind)
        {
            return Err(Error::UnknownChannel.into());
        }
        Ok(Response::new(GetChannelResponse {
            channel: Some(self.shown(&caller, &channel)),
        }))
    }

    async fn create_channel(
        &self,
        request: Request<CreateChannelRequest>,
    ) -> std::result::Result<Response<CreateChannelResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.create_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn update_channel(
        &self,
        request: Request<UpdateChannelRequest>,
    ) -> std::result::Result<Response<UpdateChannelResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = request.into_inner();
        let kind = wanted
            .r#type
            .map(|number| {
                wire::ChannelType::try_from(number)
                    .ok()
                    .and_then(known_type)
                    .ok_or_else(|| Error::field("type", "INVALID", "no such type"))
            })
            .transpose()?;
        let change = Change {
            name: wanted.name,
            app: wanted.app.map(Secret::new),
            kind,
            token: wanted.token.map(Secret::new),
            secret: wanted.secret_key.map(Secret::new),
            additional_app_id: wanted.additional_app_id,
        };
        let channel = self
            .0
            .update(
                &caller,
                ChannelId(wanted.channel_id),
                CompanyId(wanted.company_id),
                change,
            )
            .await?;
        Ok(Response::new(UpdateChannelResponse {
            channel: Some(self.shown(&caller, &channel)),
        }))
    }

    async fn update_channel_status(
        &self,
        request: Request<UpdateChannelStatusRequest>,
    ) -> std::result::Result<Response<UpdateChannelStatusResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = request.into_inner();
        let (channel, changed) = self
            .0
            .set_active(&caller, ChannelId(wanted.channel_id), wanted.active)
            .await?;
        Ok(Response::new(UpdateChannelStatusResponse {
            channel: Some(self.shown(&caller, &channel)),
            changed,
        }))
    }

    async fn connect_telegram(
        &self,
        request: Request<ConnectTelegramRequest>,
    ) -> std::result::Result<Response<ConnectTelegramResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.connect_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }
}

impl Rpc {
    async fn create_once(
        &self,
        caller: &Caller,
        wanted: CreateChannelRequest,
    ) -> Result<CreateChannelResponse> {
        let key = &wanted.idempotency_key;
        let keyed = Asked::new(caller, "CreateChannel", key, &wanted)?;
        let kind = known_type(wanted.r#type())
            .ok_or_else(|| Error::field("type", "INVALID", "a channel needs a type"))?;
        let new = NewChannel {
            company: CompanyId(wanted.company_id),
            name: wanted.name,
            kind,
            app: Secret::new(wanted.app),
            token: Secret::new(wanted.token),
            secret: Secret::new(wanted.secret_key),
            additional_app_id: wanted.additional_app_id,
        };
        self.0.may_create(caller, &new).await?;
        let Channels {
            pool, keys, clock, ..
        } = &self.0;
        let mut work = match keys.begin(pool, clock.now(), keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let channel = self.0.create(work.db(), &new).await?;
        let answer = CreateChannelResponse {
            channel: Some(self.shown(caller, &channel)),
        };
        work.commit(&answer).await?;
        self.0.created();
        Ok(answer)
    }

    /// Telegram is asked while nothing is locked, so the key is taken before; to do
    /// it all again harms nobody.
    async fn connect_once(
        &self,
        caller: &Caller,
        wanted: ConnectTelegramRequest,
    ) -> Result<ConnectTelegramResponse> {
        let Channels {
            pool, keys, clock, ..
        } = &self.0;
        let now = clock.now();
        let key = &wanted.idempotency_key;
        let keyed = Asked::new(caller, "ConnectTelegram", key, &wanted)?;
        let bot = NewBot {
            token: Secret::new(wanted.bot_token.trim()),
            company: CompanyId(wanted.company_id),
            name: wanted.name,
        };
        self.0.may_connect(caller, &bot).await?;
        let mut db = pool.acquire().await?;
        if let Some(answer) = keys.answered(&mut db, now, keyed.as_ref()).await? {
            return Ok(answer);
        }
        drop(db);
        let held = self.0.known_bot(&bot).await?;
        let claim = keys.claim(&mut *pool.acquire().await?, now, keyed).await?;
        let slot = match claim {
            Claim::Answered(answer) => return Ok(answer),
            Claim::Taken(slot) => slot,
        };
        let channel = self.0.connect_telegram(bot, held).await?;
        let answer = ConnectTelegramResponse {
            channel: Some(self.shown(caller, &channel)),
        };
        keys.settle(&mut *pool.acquire().await?, &slot, &answer)
            .await?;
        Ok(answer)
    }

    fn shown(&self, caller: &Caller, channel: &Channel) -> wire::Channel {
        shown(caller, channel, self.0.clock.now())
    }
}

/// The channel as a caller may see it: agents learn name, type and status.
fn shown(caller: &Caller, channel: &Channel, now: OffsetDateTime) -> wire::Channel {
    let agent = caller
        .user
        .as_ref()
        .is_some_and(|user| user.role == Role::Chat);
    let full = wire::Channel {
        channel_id: channel.id.0,
        uuid: channel.uuid.to_string(),
        company_id: channel.company.0,
        name: channel.name.clone(),
        r#type: wire_type(channel.kind).into(),
        app: channel.shown_app(),
        additional_app_id: channel.additional_app_id.clone(),
        active: channel.active,
        health: channel.health(now).to_owned(),
    };
    if agent {
        wire::Channel {
            uuid: String::new(),
            app: String::new(),
            additional_app_id: String::new(),
            ..full
        }
    } else {
        full
    }
}

/// What to look for; nothing when no channel can be meant.
fn filter(wanted: &ListChannelsRequest) -> Option<Filter> {
    let uuid = match wanted.uuid.as_str() {
        "" => None,
        text => match Uuid::parse_str(text) {
            Ok(uuid) => Some(uuid),
            Err(_) => return None,
        },
    };
    // The database takes no NUL, so nothing stored holds one.
    if wanted.name.contains('\0') || wanted.app_id.contains('\0') {
        return None;
    }
    Some(Filter {
        company: CompanyId::present(wanted.company_id),
        name: wanted.name.clone(),
        kind: known_type(wanted.r#type()),
        uuid,
        app_id: wanted.app_id.clone(),
        active_only: wanted.active_only,
    })
}

fn known_type(kind: wire::ChannelType) -> Option<ChannelType> {
    match kind {
        wire::ChannelType::Unspecified => None,
        wire::ChannelType::Instagram => Some(ChannelType::Instagram),
        wire::ChannelType::Messenger => Some(ChannelType::Messenger),
        wire::ChannelType::Telegram => Some(ChannelType::Telegram),
        wire::ChannelType::Webchat => Some(ChannelType::Webchat),
        wire::ChannelType::Whatsapp => Some(ChannelType::Whatsapp),
        wire::ChannelType::Whatsappfb => Some(ChannelType::Whatsappfb),
    }
}

fn wire_type(kind: ChannelType) -> wire::ChannelType {
    match kind {
        ChannelType::Instagram => wire::ChannelType::Instagram,
        ChannelType::Messenger => wire::ChannelType::Messenger,
        ChannelType::Telegram => wire::ChannelType::Telegram,
        ChannelType::Webchat => wire::ChannelType::Webchat,
        ChannelType::Whatsapp => wire::ChannelType::Whatsapp,
        ChannelType::Whatsappfb => wire::ChannelType::Whatsappfb,
    }
}
