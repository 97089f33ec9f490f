//! The ids of a request: its row of the access log, and what its caller knows it by.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use auth::{BitacoraId, Call};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use uuid::{Builder, fmt::Hyphenated};

use crate::bitacora::Bitacora;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static BITACORA_ID: HeaderName = HeaderName::from_static("x-bitacora-id");

/// The ids of a request, and when it came in. Cloning is cheap.
#[derive(Clone)]
pub struct Ids {
    /// The row of the access log.
    pub bitacora: i64,
    /// When it came in.
    pub arrived: Instant,
    request: HeaderValue,
}

impl Ids {
    /// The ids of a request that just came in.
    pub async fn of(bitacora: &Bitacora, headers: &HeaderMap) -> Self {
        let arrived = Instant::now();
        Self {
            bitacora: bitacora.next().await,
            arrived,
            request: request_id(headers),
        }
    }

    /// The id that the caller gave the request or is told.
    pub fn request(&self) -> &str {
        self.request.to_str().unwrap_or_default()
    }

    /// Writes the headers of the answer.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.insert(&BITACORA_ID, HeaderValue::from(self.bitacora));
        headers.insert(&REQUEST_ID, self.request);
    }

    /// A call that says for which request it is made.
    pub fn behind(&self, call: Call) -> Call {
        call.about(BitacoraId(self.bitacora), &self.request)
    }
}

/// The id the caller gave the request, when it is fit for a log line, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let fit = |id: &&HeaderValue| {
        (1..=64).contains(&id.len())
            && id
                .as_bytes()
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    let sent = headers.get(&REQUEST_ID).filter(fit);
    sent.cloned().unwrap_or_else(new_id)
}

/// A random UUID. Ids have to differ and nothing else, so they are made from a count
/// under keys of this process, and not from the randomness of the system, for which
/// every request would have to ask.
fn new_id() -> HeaderValue {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEYS.each_ref().map(|key| key.hash_one(count).to_be_bytes());
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&high);
    bytes[8..].copy_from_slice(&low);
    let id = Builder::from_random_bytes(bytes).into_uuid();
    let mut text = [0; Hyphenated::LENGTH];
    let text = id.as_hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_requests_have_one_id() {
        let ids: HashSet<_> = (0..10_000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids.iter().take(100) {
            let id: uuid::Uuid = id.to_str().unwrap().parse().unwrap();
            assert_eq!(id.get_version_num(), 4);
        }
    }
}
