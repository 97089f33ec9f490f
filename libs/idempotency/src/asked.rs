//! A request that came with a key.

use auth::{Caller, ClientId, UserId};
use aws_lc_rs::digest::{SHA256, digest};
use prost::Message;

use crate::Error;

/// The longest key, in bytes: one of a caller, and the name of an operation.
pub const LONGEST_KEY: usize = 255;

/// A request under a key: whose, for what, and a digest of what it asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(crate) owner: String,
    pub(crate) operation: &'static str,
    pub(crate) key: String,
    pub(crate) digest: Vec<u8>,
}

impl Asked {
    /// The request of a caller; none when it came without a key. Everything in
    /// `request` must be the same in a repetition. [`Error::Malformed`] on a key
    /// that cannot be kept.
    pub fn new(
        caller: &Caller,
        operation: &'static str,
        key: &str,
        request: &impl Message,
    ) -> Result<Option<Self>, Error> {
        if key.is_empty() {
            return Ok(None);
        }
        if key.len() > LONGEST_KEY || key.contains('\0') {
            return Err(Error::Malformed);
        }
        let client = caller
            .client
            .as_ref()
            .map_or(ClientId(0), |client| client.id);
        let user = caller.user.as_ref().map_or(UserId(0), |user| user.id);
        Ok(Some(Self {
            owner: format!("{}|{client}|{user}", caller.service),
            operation,
            key: key.to_owned(),
            digest: digest(&SHA256, &request.encode_to_vec()).as_ref().to_vec(),
        }))
    }
}
