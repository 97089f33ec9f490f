//! SendingService: decode, call, encode.

use auth::{ChannelId, UserId};
use chassis::config::Secret;
use idempotency::Asked;
use proto::channel::v1::{
    ReadTelegramRequest, ReadTelegramResponse, SendTelegramRequest, SendTelegramResponse,
    SendWhatsAppRequest, SendWhatsAppResponse, TelegramMessage,
    sending_service_server::SendingService,
};
use tonic::{Request, Response, Status};

use super::{Sending, TelegramText, WhatsAppMessage};
use crate::error::Error;

/// SendingService on behalf of callers.
pub(crate) struct Rpc(pub(crate) Sending);

#[tonic::async_trait]
impl SendingService for Rpc {
    async fn send_whats_app(
        &self,
        request: Request<SendWhatsAppRequest>,
    ) -> Result<Response<SendWhatsAppResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = request.into_inner();
        let key = &wanted.idempotency_key;
        let keyed = Asked::new(&caller, "SendWhatsApp", key, &wanted).map_err(Error::from)?;
        let message = WhatsAppMessage {
            channel: ChannelId(wanted.channel_id),
            to: wanted.to,
            text: wanted.text,
            guest_token: wanted.guest_token,
            file: wanted.file,
        };
        let answer = self.0.whatsapp(&caller, message, keyed).await?;
        Ok(Response::new(answer))
    }

    async fn send_telegram(
        &self,
        request: Request<SendTelegramRequest>,
    ) -> Result<Response<SendTelegramResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = request.into_inner();
        let key = &wanted.idempotency_key;
        let keyed = Asked::new(&caller, "SendTelegram", key, &wanted).map_err(Error::from)?;
        let message = TelegramText {
            bot_token: Secret::new(wanted.bot_token),
            chat: wanted.telegram_chat_id,
            text: wanted.text,
            user: UserId(wanted.user_id),
        };
        let answer = self.0.telegram(&caller, message, keyed).await?;
        Ok(Response::new(answer))
    }

    async fn read_telegram(
        &self,
        request: Request<ReadTelegramRequest>,
    ) -> Result<Response<ReadTelegramResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let token = Secret::new(request.into_inner().bot_token);
        let messages = self.0.read_telegram(&caller, &token).await?;
        Ok(Response::new(ReadTelegramResponse {
            messages: messages
                .into_iter()
                .map(|message| TelegramMessage {
                    telegram_chat_id: message.chat,
                    text: message.text,
                })
                .collect(),
        }))
    }
}
