//! Telling conversation what became of its messages, again and again until it
//! has answered.

use std::{sync::Arc, time::Duration};

use auth::ServiceTokens;
use chassis::{Clock, Stop, Upstream};
use proto::conversation::v1::{ReportDeliveryRequest, ingest_service_client::IngestServiceClient};
use sqlx::PgPool;
use tokio::sync::Notify;
use tonic::{Code, Status};

use super::store::{self, Unreported};
use crate::error::Result;

const POLL: Duration = Duration::from_millis(500);
const CALL: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Reports of one round.
const ROUND: i64 = 100;

/// After so many refusals a report is given up: conversation does not know the message.
const MOST_REFUSALS: i32 = 8;

/// The reporter. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) conversation: Upstream,
    pub(crate) tokens: ServiceTokens,
    /// Rung when there is something to tell.
    pub(crate) settled: Arc<Notify>,
    /// Rung when a status has settled a message that was in doubt.
    pub(crate) adopted: Arc<Notify>,
}

/// How a round ended.
enum Round {
    Empty,
    Told,
    Away,
}

impl Reporter {
    /// Reports until the stop.
    pub(crate) async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let mut pause = POLL;
        while !stop.is_requested() {
            match self.round().await {
                Ok(Round::Told) => pause = POLL,
                Ok(Round::Empty) => {
                    tokio::select! {
                        () = self.settled.notified() => {}
                        () = self.adopted.notified() => {}
                        () = tokio::time::sleep(POLL) => {}
                        () = stop.requested() => {}
                    }
                }
                Ok(Round::Away) => {
                    stop.within(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::warn!(%error, "reports wait");
                    stop.within(POLL).await;
                }
            }
        }
        Ok(())
    }

    async fn round(&self) -> Result<Round> {
        let waiting = store::unreported(&self.pool, self.clock.now(), ROUND).await?;
        if waiting.is_empty() {
            return Ok(Round::Empty);
        }
        for news in &waiting {
            match self.tell(news).await {
                Ok(()) => store::reported(&self.pool, news).await?,
                Err(status) if is_final(status.code()) => self.refused(news, &status).await?,
                Err(status) => {
                    tracing::warn!(code = ?status.code(), "conversation does not take reports");
                    return Ok(Round::Away);
                }
            }
        }
        Ok(Round::Told)
    }

    async fn tell(&self, news: &Unreported) -> std::result::Result<(), Status> {
        let call = self
            .tokens
            .call(CALL)
            .await
            .map_err(|status| Status::unavailable(status.message()))?;
        let request = ReportDeliveryRequest {
            message_id: news.message_id,
            status: news.report,
            provider_id: news.provider_id.clone(),
            error_code: news.error_code.clone(),
            error: news.error.clone(),
        };
        IngestServiceClient::new(self.conversation.clone())
            .report_delivery(call.request(request))
            .await
            .map(|_| ())
    }

    async fn refused(&self, news: &Unreported, status: &Status) -> Result<()> {
        let id = news.id;
        if news.report_attempts + 1 >= MOST_REFUSALS {
            tracing::error!(outbound = %id, message = news.message_id, code = ?status.code(),
                "conversation does not want to know what became of a message");
            return store::reported(&self.pool, news).await;
        }
        let wait = time::Duration::seconds(1 << news.report_attempts.clamp(0, 8));
        store::report_refused(&self.pool, news, self.clock.now() + wait).await
    }
}

/// Says whether a refusal is about the message.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Internal
            | Code::DataLoss
    )
}
