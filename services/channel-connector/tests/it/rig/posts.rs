//! What providers post and conversation asks for.

use auth::Caller;
use bytes::Bytes;
use prost::Message as _;
use proto::{
    channel::v1::{AcceptDisposition, AcceptRequest, Channel, ChannelType, WebhookSource},
    conversation::v1::{GuestIdentity, IdentityKind},
    events::v1::{Event, OutboundRequested},
};
use testing::graph::sign;
use tonic::Status;
use uuid::Uuid;

use super::{APP_SECRET, Rig};

impl Rig {
    /// Posts a body of Meta to the address that all channels share.
    pub async fn post_meta(
        &self,
        body: impl Into<Bytes>,
        signature: &str,
    ) -> Result<(i64, AcceptDisposition), Status> {
        self.accept(AcceptRequest {
            source: WebhookSource::Meta.into(),
            body: body.into(),
            signature: Bytes::copy_from_slice(signature.as_bytes()),
            content_type: "application/json".into(),
            ..AcceptRequest::default()
        })
        .await
    }

    /// Posts a body of Meta, signed with the app secret of the company.
    pub async fn post_signed(&self, body: impl Into<Bytes>) -> (i64, AcceptDisposition) {
        let body = body.into();
        let signature = sign(APP_SECRET, &body);
        self.post_meta(body, &signature).await.unwrap()
    }

    /// Posts an update of Telegram.
    pub async fn post_telegram(
        &self,
        route_key: &str,
        body: impl Into<Bytes>,
        secret: &str,
    ) -> Result<(i64, AcceptDisposition), Status> {
        self.accept(AcceptRequest {
            source: WebhookSource::Telegram.into(),
            route_key: route_key.into(),
            body: body.into(),
            signature: Bytes::copy_from_slice(secret.as_bytes()),
            ..AcceptRequest::default()
        })
        .await
    }

    pub async fn accept(&self, request: AcceptRequest) -> Result<(i64, AcceptDisposition), Status> {
        let call = self.call(&Caller::service("edge"));
        let answer = self.webhooks().accept(call.request(request)).await?;
        let answer = answer.into_inner();
        Ok((answer.inbound_id, answer.disposition()))
    }

    /// Has conversation ask for a text to be sent, as its event log does.
    pub async fn request(&self, message_id: i64, channel: &Channel, to: &str, text: &str) {
        let kind = if channel.r#type() == ChannelType::Telegram {
            IdentityKind::Telegram
        } else {
            IdentityKind::WaPhone
        };
        let requested = OutboundRequested {
            message_id,
            chat_id: 77,
            channel_id: channel.channel_id,
            recipient: Some(GuestIdentity {
                kind: kind.into(),
                value: to.into(),
            }),
            text: text.into(),
            ..OutboundRequested::default()
        };
        self.announce(channel.company_id, &requested).await;
    }

    pub async fn announce(&self, company: i64, requested: &OutboundRequested) {
        let event = self.conversation.with(|state| {
            let event = Event {
                id: Uuid::now_v7().as_bytes().to_vec().into(),
                source: "conversation".into(),
                r#type: "outbound.requested".into(),
                position: i64::try_from(state.log.len()).unwrap() + 1,
                company_id: company,
                subject: format!("message-{}", requested.message_id),
                data: requested.encode_to_vec().into(),
                ..Event::default()
            };
            state.log.push(event.clone());
            event
        });
        let channel = events::channel("conversation");
        let payload = event.encode_to_vec().into();
        self.bus.publish(&channel, payload).await.unwrap();
    }
}
