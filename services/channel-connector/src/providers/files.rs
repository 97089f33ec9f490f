//! Files that providers hold for us, read chunk by chunk.

use std::{num::NonZeroU64, time::Duration};

use bytes::Bytes;
use reqwest::{RequestBuilder, Response, header::CONTENT_LENGTH};

use super::chain;
use crate::error::Error;

/// How long a provider may be silent within a file.
const SILENCE: Duration = Duration::from_secs(20);

/// How long a file may take.
const LONGEST: Duration = Duration::from_mins(15);

/// Why a file did not come.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missed {
    /// The provider has it no more, or will never hand it out.
    #[error("gone: {0}")]
    Gone(String),
    /// It has more bytes than we take.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// The credentials of the channel are refused.
    #[error("unauthorized: {0}")]
    Unauthorized(String),
    /// Trying again may help.
    #[error("{why}")]
    Later {
        /// For logs; holds no secret.
        why: String,
        /// How long the provider wants us to wait.
        wait: Option<Duration>,
    },
}

impl Missed {
    /// A failure that may pass.
    pub(crate) fn later(why: impl Into<String>) -> Self {
        Self::Later {
            why: why.into(),
            wait: None,
        }
    }
}

impl From<Error> for Missed {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownChannel => Self::Gone("its channel does not exist".into()),
            other => Self::later(other.to_string()),
        }
    }
}

/// A file on its way.
pub(crate) struct Download {
    response: Response,
    /// What the provider says the digest is.
    promised: Option<[u8; 32]>,
}

impl Download {
    /// Asks for a file of at most `largest` bytes.
    pub(super) async fn open(
        request: RequestBuilder,
        promised: Option<[u8; 32]>,
        largest: u64,
    ) -> Result<Self, Missed> {
        let asked = tokio::time::timeout(SILENCE, request.timeout(LONGEST).send());
        let response = match asked.await {
            Ok(Ok(response)) => response,
            // The address may hold a token.
            Ok(Err(error)) => return Err(Missed::later(chain(&error.without_url()))),
            Err(_) => return Err(Missed::later("the provider is silent")),
        };
        let status = response.status().as_u16();
        if status != 200 {
            // A link that has run out is among them, and so is one that leads elsewhere.
            return Err(Missed::Later {
                why: format!("the file is answered with {status}"),
                wait: retry_after(&response),
            });
        }
        check_size(announced(&response), largest)?;
        Ok(Self { response, promised })
    }

    /// The next chunk; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Missed> {
        match tokio::time::timeout(SILENCE, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(Missed::later(chain(&error.without_url()))),
            Err(_) => Err(Missed::later("the provider is silent")),
        }
    }

    /// Holds the digest of what came against what was promised.
    pub(crate) fn verify(&self, sha256: &[u8; 32]) -> Result<(), Missed> {
        match &self.promised {
            Some(promised) if promised != sha256 => {
                Err(Missed::later("another file came than was promised"))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a file that is announced to be too large.
pub(super) fn check_size(announced: Option<u64>, largest: u64) -> Result<(), Missed> {
    match announced {
        Some(size) if size > largest => Err(Missed::TooLarge(largest)),
        _ => Ok(()),
    }
}

/// An id that may stand in an address: letters, digits, `_` and `-`.
pub(crate) fn is_plain_id(id: &str) -> bool {
    (1..=256).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn announced(response: &Response) -> Option<u64> {
    let length = response.headers().get(CONTENT_LENGTH)?.to_str().ok()?;
    length.parse().ok()
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?;
    let seconds: NonZeroU64 = seconds.parse().ok()?;
    Some(Duration::from_secs(seconds.get()))
}
