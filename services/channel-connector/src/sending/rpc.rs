//! SendingService: decode, call, encode.

use auth::{ChannelId, UserId};
use chassis::config::Secret;
use proto::channel::v1::{
    ReadTelegramRequest, ReadTelegramResponse, SendTelegramRequest, SendTelegramResponse,
    SendWhatsAppRequest, SendWhatsAppResponse, TelegramMessage,
    sending_service_server::SendingService,
};
use tonic::{Request, Response, Status};

use super::{Sending, TelegramText, WhatsAppMessage};

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
        let message = WhatsAppMessage {
            channel: ChannelId(wanted.channel_id),
            to: wanted.to,
            text: wanted.text,
            guest_token: wanted.guest_token,
            file: wanted.file,
            idempotency_key: wanted.idempotency_key,
        };
        let started = self.0.whatsapp(&caller, message).await?;
        Ok(Response::new(SendWhatsAppResponse {
            message_id: started.message_id,
            chat_id: started.chat_id,
        }))
    }

    async fn send_telegram(
        &self,
        request: Request<SendTelegramRequest>,
    ) -> Result<Response<SendTelegramResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let wanted = request.into_inner();
        let message = TelegramText {
            bot_token: Secret::new(wanted.bot_token),
            chat: wanted.telegram_chat_id,
            text: wanted.text,
            user: UserId(wanted.user_id),
            idempotency_key: wanted.idempotency_key,
        };
        let started = self.0.telegram(&caller, message).await?;
        Ok(Response::new(SendTelegramResponse {
            chat_id: started.first().map_or(0, |first| first.chat_id),
            message_ids: started.iter().map(|piece| piece.message_id).collect(),
        }))
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
