//! What this service listens to: conversation asks for messages to be sent. It
//! publishes nothing of its own yet; its log is there for whoever asks.

use std::sync::Arc;

use async_trait::async_trait;
use chassis::{Clock, crash};
use events::{Event, Handler};
use prost::Message;
use proto::events::v1::OutboundRequested;
use sqlx::PgConnection;
use tokio::sync::Notify;

use crate::outbound;

/// Puts requested messages into the queue, in the transaction of the cursor.
pub(crate) struct Requests {
    pub(crate) clock: Clock,
    /// Rung when there is something to send.
    pub(crate) queued: Arc<Notify>,
}

#[async_trait]
impl Handler for Requests {
    async fn handle(&self, connection: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        if event.r#type != "outbound.requested" {
            return Ok(());
        }
        // A request that cannot be read will not be readable later; skipping it is the only way
        // on, and loud.
        let requested = match OutboundRequested::decode(&event.data[..]) {
            Ok(requested) => requested,
            Err(error) => {
                tracing::error!(position = event.position, %error, "a request to send is no request");
                return Ok(());
            }
        };
        outbound::queue(connection, event.company_id, &requested, self.clock.now()).await?;
        Ok(())
    }

    async fn committed(&self, event: &Event) {
        if event.r#type == "outbound.requested" {
            crash::point("outbound.committed");
            self.queued.notify_one();
        }
    }
}
