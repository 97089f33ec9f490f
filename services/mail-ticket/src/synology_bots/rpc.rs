//! `SynologyBotService`: decode, call, encode.

use chassis::config::Secret;
use proto::mail::v1::{
    HandleBotMessageRequest, HandleBotMessageResponse,
    synology_bot_service_server::SynologyBotService,
};
use tonic::{Request, Response, Status};

use super::{Bots, Message};

#[tonic::async_trait]
impl SynologyBotService for Bots {
    async fn handle_bot_message(
        &self,
        request: Request<HandleBotMessageRequest>,
    ) -> Result<Response<HandleBotMessageResponse>, Status> {
        let request = request.into_inner();
        let message = Message {
            token: Secret::new(request.token),
            writer: request.synology_user_id,
            login: request.username,
        };
        let done = self.handle(&message).await?;
        Ok(Response::new(HandleBotMessageResponse {
            login: done.login,
            changed: done.changed,
            synology_response_json: done.said,
        }))
    }
}
