//! WebhookService: decode, call, encode.

use proto::channel::v1::{
    AcceptDisposition, AcceptRequest, AcceptResponse, VerifySubscriptionRequest,
    VerifySubscriptionResponse, WebhookSource, webhook_service_server::WebhookService,
};
use tonic::{Request, Response, Status};

use super::{Arrival, Disposition, Inbox, Source};
use crate::error::Error;

/// WebhookService over the inbox.
pub(crate) struct Rpc(pub(crate) Inbox);

#[tonic::async_trait]
impl WebhookService for Rpc {
    async fn accept(
        &self,
        request: Request<AcceptRequest>,
    ) -> Result<Response<AcceptResponse>, Status> {
        only_edge(&request)?;
        let posted = request.into_inner();
        let source = match posted.source() {
            WebhookSource::Meta => Source::Meta,
            WebhookSource::Telegram => Source::Telegram,
            WebhookSource::Unspecified => {
                return Err(Error::field("source", "INVALID", "whose format is it?").into());
            }
        };
        let arrival = Arrival {
            source,
            route_key: posted.route_key,
            body: posted.body,
            signature: posted.signature,
            content_type: posted.content_type,
            user_agent: posted.user_agent,
        };
        let (inbound_id, disposition) = self.0.accept(arrival).await?;
        let disposition = match disposition {
            Disposition::Stored => AcceptDisposition::Stored,
            Disposition::Dead => AcceptDisposition::Dead,
            Disposition::Orphan => AcceptDisposition::Orphan,
        };
        Ok(Response::new(AcceptResponse {
            inbound_id,
            disposition: disposition.into(),
        }))
    }

    async fn verify_subscription(
        &self,
        request: Request<VerifySubscriptionRequest>,
    ) -> Result<Response<VerifySubscriptionResponse>, Status> {
        only_edge(&request)?;
        let asked = request.into_inner();
        self.0
            .verify(&asked.route_key, &asked.mode, &asked.verify_token)
            .await?;
        Ok(Response::new(VerifySubscriptionResponse {}))
    }
}

/// Webhooks come from outside, so through the edge.
fn only_edge<T>(request: &Request<T>) -> Result<(), Status> {
    if &*auth::caller(request)?.service == "edge" {
        Ok(())
    } else {
        Err(Error::WrongCaller("edge").into())
    }
}
