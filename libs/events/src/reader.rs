//! Reading another service's log.

use std::time::Duration;

use auth::ServiceTokens;
use chassis::Upstream;
use proto::events::v1::{
    ReadRequest, ReadResponse, event_log_service_client::EventLogServiceClient,
};
use tonic::Status;

const READ_TIMEOUT: Duration = Duration::from_secs(10);
const READ_LIMIT: u32 = 500;

/// The log of one service, read with the caller's own token.
#[derive(Clone)]
pub struct LogReader {
    source: &'static str,
    owner: Upstream,
    tokens: ServiceTokens,
}

impl LogReader {
    /// The log of service `source`, which `owner` answers.
    pub fn new(source: &'static str, owner: Upstream, tokens: ServiceTokens) -> Self {
        Self {
            source,
            owner,
            tokens,
        }
    }

    /// The service whose log it is.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// What comes after a position.
    pub(crate) async fn read(&self, after: i64) -> Result<ReadResponse, Status> {
        let call = self.tokens.call(READ_TIMEOUT).await?;
        let request = ReadRequest {
            after,
            limit: READ_LIMIT,
            source: self.source.to_owned(),
        };
        let mut log = EventLogServiceClient::new(self.owner.clone())
            .max_decoding_message_size(64 * 1024 * 1024);
        Ok(log.read(call.request(request)).await?.into_inner())
    }
}
