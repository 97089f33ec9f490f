//! Taking a picture in from a stream.

use bytes::{Bytes, BytesMut};
use tonic::{Status, Streaming};

use super::{LARGEST, PIECE};
use crate::error::Error;

/// The content that follows the header, whole. `chunk` takes the piece out of a
/// message, if it holds one. A stream that breaks off is an error, as is one that
/// holds nothing.
pub async fn content<M>(
    stream: &mut Streaming<M>,
    chunk: fn(M) -> Option<Bytes>,
) -> Result<Bytes, Status> {
    let mut content = BytesMut::new();
    while let Some(message) = stream.message().await? {
        let piece = chunk(message).filter(|piece| piece.len() <= PIECE);
        let piece = piece.ok_or_else(|| {
            Error::field("pic", "FORMAT", "must come in pieces of at most 64 KiB")
        })?;
        if content.len() + piece.len() > LARGEST {
            return Err(Error::PictureTooLarge.into());
        }
        content.extend_from_slice(&piece);
    }
    if content.is_empty() {
        return Err(Error::field("pic", "REQUIRED", "must not be empty").into());
    }
    Ok(content.freeze())
}

/// Why a stream without header is refused.
pub fn no_header() -> Status {
    Error::field("pic", "FORMAT", "the header must come first").into()
}
