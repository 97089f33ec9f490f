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

/// The first and last position of the events after `position` that are gone from the log.
pub(crate) fn missed(position: i64, page: &ReadResponse) -> Option<(i64, i64)> {
    let next = page
        .events
        .first()
        .map_or(page.head + 1, |event| event.position);
    (next > position + 1).then_some((position + 1, next - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;

    #[test]
    fn what_is_gone_is_named() {
        let page = |first: Option<i64>, head| ReadResponse {
            events: first
                .map(|position| Event {
                    position,
                    ..Event::default()
                })
                .into_iter()
                .collect(),
            head,
            tail: 0,
        };
        assert_eq!(missed(4, &page(Some(5), 9)), None);
        assert_eq!(missed(4, &page(None, 4)), None);
        assert_eq!(missed(4, &page(None, 2)), None);
        assert_eq!(missed(4, &page(Some(8), 9)), Some((5, 7)));
        assert_eq!(missed(4, &page(None, 9)), Some((5, 9)));
    }
}
