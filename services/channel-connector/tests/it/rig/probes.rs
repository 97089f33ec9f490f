//! What has become of it.

use std::time::Duration;

use proto::conversation::v1::{
    DeliveryStatus, InboundEvent, InboundMessage, InboundStatus, inbound_event,
};
use uuid::Uuid;

use super::Rig;

/// How long anything may take before the test has failed.
const DEADLINE: Duration = Duration::from_secs(20);

/// What conversation was told of a message.
pub struct Reported {
    pub provider_id: String,
    pub error: String,
}

impl Rig {
    /// Waits until `probe` says something, and answers it.
    pub async fn until<T>(&self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        let started = std::time::Instant::now();
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            assert!(started.elapsed() < DEADLINE, "never happened: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a stored body is in a state.
    pub async fn until_raw(&self, id: i64, state: &str) {
        self.until(&format!("webhook {id} {state}"), async || {
            let (now, _) = self.raw(id).await;
            (now == state).then_some(())
        })
        .await;
    }

    /// State and complaint of a stored body.
    pub async fn raw(&self, id: i64) -> (String, String) {
        sqlx::query_as("SELECT state, error FROM channel.inbound_raw WHERE id = $1")
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// How many bodies are stored.
    pub async fn stored(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM channel.inbound_raw")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until every stored body is in a final state.
    pub async fn until_idle(&self) {
        self.until("all webhooks are processed", async || {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM channel.inbound_raw WHERE state = 'new')
                      + (SELECT count(*) FROM channel.inbound_event WHERE state = 'new')",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            (waiting == 0).then_some(())
        })
        .await;
    }

    /// State, attempts and throttles of a message to send.
    pub async fn outbound(&self, message_id: i64) -> Option<(String, i32, i32)> {
        sqlx::query_as(
            "SELECT state, attempts, throttles FROM channel.outbound WHERE message_id = $1",
        )
        .bind(message_id)
        .fetch_optional(&self.pool)
        .await
        .unwrap()
    }

    /// Waits until a message to send is in a state; answers attempts and throttles.
    pub async fn until_outbound(&self, message_id: i64, state: &str) -> (i32, i32) {
        self.until(&format!("message {message_id} {state}"), async || {
            let (now, attempts, throttles) = self.outbound(message_id).await?;
            (now == state).then_some((attempts, throttles))
        })
        .await
    }

    /// Waits until conversation has been told that a message is in a state.
    pub async fn until_reported(&self, message_id: i64, status: DeliveryStatus) -> Reported {
        self.until(&format!("report of {message_id}: {status:?}"), async || {
            self.conversation.with(|state| {
                let report = state
                    .reports
                    .iter()
                    .find(|report| report.message_id == message_id && report.status() == status)?;
                Some(Reported {
                    provider_id: report.provider_id.clone(),
                    error: report.error.clone(),
                })
            })
        })
        .await
    }

    /// The id that the provider repeats in statuses of a message.
    pub async fn opaque(&self, message_id: i64) -> String {
        let id: Uuid = sqlx::query_scalar("SELECT id FROM channel.outbound WHERE message_id = $1")
            .bind(message_id)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        id.to_string()
    }

    /// The events that conversation has taken.
    pub fn ingested(&self) -> Vec<InboundEvent> {
        self.conversation.with(|state| state.events.clone())
    }

    /// The messages among them.
    pub fn messages(&self) -> Vec<InboundMessage> {
        let content = self.ingested().into_iter().filter_map(|event| event.event);
        content
            .filter_map(|event| match event {
                inbound_event::Event::Message(message) => Some(message),
                inbound_event::Event::Status(_) => None,
            })
            .collect()
    }

    /// The statuses among them.
    pub fn statuses(&self) -> Vec<InboundStatus> {
        let content = self.ingested().into_iter().filter_map(|event| event.event);
        content
            .filter_map(|event| match event {
                inbound_event::Event::Status(status) => Some(status),
                inbound_event::Event::Message(_) => None,
            })
            .collect()
    }
}
