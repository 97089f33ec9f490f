//! Knows channel 9 of company 3, which is active, and one right signature.

use chassis::ErrorCode;
use proto::{
    channel::v1::{
        AcceptDisposition, AcceptRequest, AcceptResponse, Channel, ChannelType,
        ConnectTelegramRequest, ConnectTelegramResponse, CreateChannelRequest,
        CreateChannelResponse, GetChannelRequest, GetChannelResponse, ListChannelsRequest,
        ListChannelsResponse, ReadTelegramRequest, ReadTelegramResponse, SendTelegramRequest,
        SendTelegramResponse, SendWhatsAppRequest, SendWhatsAppResponse, TelegramMessage,
        UpdateChannelRequest, UpdateChannelResponse, UpdateChannelStatusRequest,
        UpdateChannelStatusResponse, VerifySubscriptionRequest, VerifySubscriptionResponse,
        channel_service_server::{ChannelService, ChannelServiceServer},
        sending_service_server::{SendingService, SendingServiceServer},
        webhook_service_server::{WebhookService, WebhookServiceServer},
    },
    common::v1::PageInfo,
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Shared, refusal, wrong};

struct Fake(Shared);

pub fn routes(world: &Shared) -> Routes {
    Routes::new(ChannelServiceServer::new(Fake(world.clone())))
        .add_service(super::media::service(world))
        .add_service(SendingServiceServer::new(Fake(world.clone())))
        .add_service(
            WebhookServiceServer::new(Fake(world.clone()))
                .max_decoding_message_size(chassis::grpc::LARGEST_MESSAGE),
        )
}

fn channel() -> Channel {
    Channel {
        channel_id: 9,
        uuid: "c169c38d-a790-4a6f-8da0-6f5e3c2f9c0a".into(),
        company_id: 3,
        name: "WhatsApp Principal".into(),
        r#type: ChannelType::Whatsapp.into(),
        app: "whatsapp-business".into(),
        active: true,
        ..Channel::default()
    }
}

#[tonic::async_trait]
impl ChannelService for Fake {
    async fn list_channels(
        &self,
        request: Request<ListChannelsRequest>,
    ) -> Result<Response<ListChannelsResponse>, Status> {
        self.0.note("ListChannels", &request)?;
        let channels = if request.into_inner().active_only {
            vec![Channel {
                channel_id: 1,
                name: "Canal WAP".into(),
                uuid: "abc-123".into(),
                r#type: ChannelType::Whatsappfb.into(),
                ..channel()
            }]
        } else {
            vec![channel()]
        };
        Ok(Response::new(ListChannelsResponse {
            channels,
            page: Some(PageInfo {
                page: 1,
                per_page: 10,
                total: 1,
            }),
        }))
    }

    async fn create_channel(
        &self,
        request: Request<CreateChannelRequest>,
    ) -> Result<Response<CreateChannelResponse>, Status> {
        self.0.note("CreateChannel", &request)?;
        if request.into_inner().app == "taken" {
            return Err(refusal(ErrorCode::AlreadyExists, "CHANNEL_EXISTS"));
        }
        Ok(Response::new(CreateChannelResponse {
            channel: Some(channel()),
        }))
    }

    async fn get_channel(
        &self,
        request: Request<GetChannelRequest>,
    ) -> Result<Response<GetChannelResponse>, Status> {
        self.0.note("GetChannel", &request)?;
        if request.into_inner().channel_id != 9 {
            return Err(refusal(ErrorCode::NotFound, "CHANNEL_UNKNOWN"));
        }
        Ok(Response::new(GetChannelResponse {
            channel: Some(channel()),
        }))
    }

    async fn update_channel(
        &self,
        request: Request<UpdateChannelRequest>,
    ) -> Result<Response<UpdateChannelResponse>, Status> {
        self.0.note("UpdateChannel", &request)?;
        let asked = request.into_inner();
        if asked.channel_id != 9 {
            return Err(refusal(ErrorCode::NotFound, "CHANNEL_UNKNOWN"));
        }
        Ok(Response::new(UpdateChannelResponse {
            channel: Some(Channel {
                name: asked.name.unwrap_or_default(),
                app: asked.app.unwrap_or_default(),
                additional_app_id: asked.additional_app_id.unwrap_or_default(),
                ..channel()
            }),
        }))
    }

    async fn update_channel_status(
        &self,
        request: Request<UpdateChannelStatusRequest>,
    ) -> Result<Response<UpdateChannelStatusResponse>, Status> {
        self.0.note("UpdateChannelStatus", &request)?;
        let asked = request.into_inner();
        if asked.channel_id != 9 {
            return Err(refusal(ErrorCode::NotFound, "CHANNEL_UNKNOWN"));
        }
        Ok(Response::new(UpdateChannelStatusResponse {
            channel: Some(Channel {
                active: asked.active,
                ..channel()
            }),
            changed: !asked.active,
        }))
    }

    async fn connect_telegram(
        &self,
        request: Request<ConnectTelegramRequest>,
    ) -> Result<Response<ConnectTelegramResponse>, Status> {
        self.0.note("ConnectTelegram", &request)?;
        if request.into_inner().bot_token != "12345:ABC" {
            return Err(wrong("bot_token", "REFUSED_BY_TELEGRAM"));
        }
        Ok(Response::new(ConnectTelegramResponse {
            channel: Some(channel()),
        }))
    }
}

#[tonic::async_trait]
impl SendingService for Fake {
    async fn send_whats_app(
        &self,
        request: Request<SendWhatsAppRequest>,
    ) -> Result<Response<SendWhatsAppResponse>, Status> {
        self.0.note("SendWhatsApp", &request)?;
        Ok(Response::new(SendWhatsAppResponse {
            message_id: 2,
            chat_id: 123,
        }))
    }

    async fn send_telegram(
        &self,
        request: Request<SendTelegramRequest>,
    ) -> Result<Response<SendTelegramResponse>, Status> {
        self.0.note("SendTelegram", &request)?;
        Ok(Response::new(SendTelegramResponse {
            message_ids: vec![2],
            chat_id: 123,
        }))
    }

    async fn read_telegram(
        &self,
        request: Request<ReadTelegramRequest>,
    ) -> Result<Response<ReadTelegramResponse>, Status> {
        self.0.note("ReadTelegram", &request)?;
        Ok(Response::new(ReadTelegramResponse {
            messages: vec![TelegramMessage {
                telegram_chat_id: "123456789".into(),
                text: "Hola".into(),
            }],
        }))
    }
}

#[tonic::async_trait]
impl WebhookService for Fake {
    async fn accept(
        &self,
        request: Request<AcceptRequest>,
    ) -> Result<Response<AcceptResponse>, Status> {
        self.0.note("Accept", &request)?;
        let asked = request.into_inner();
        if &*asked.signature != b"right" {
            return Err(refusal(ErrorCode::Unauthenticated, "SIGNATURE"));
        }
        Ok(Response::new(AcceptResponse {
            inbound_id: i64::try_from(asked.body.len()).unwrap(),
            disposition: AcceptDisposition::Stored.into(),
        }))
    }

    async fn verify_subscription(
        &self,
        request: Request<VerifySubscriptionRequest>,
    ) -> Result<Response<VerifySubscriptionResponse>, Status> {
        self.0.note("VerifySubscription", &request)?;
        let asked = request.into_inner();
        if asked.mode == "subscribe" && asked.verify_token == "ours" {
            Ok(Response::new(VerifySubscriptionResponse {}))
        } else {
            Err(refusal(ErrorCode::PermissionDenied, "VERIFY_TOKEN"))
        }
    }
}
