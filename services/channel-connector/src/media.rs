//! Files that messages carry.
//!
//! The name of a file is a capability: whoever knows it may read it, and nobody
//! can guess it. What a file is, its first bytes decide.

pub(crate) mod rpc;
mod store;

use auth::{ChannelId, CompanyId};
use bytes::Bytes;
use sqlx::PgPool;
use time::OffsetDateTime;

pub(crate) use self::store::note_use;
use crate::{
    error::{Error, Result},
    providers::OutgoingFile,
};

/// A stored file.
pub(crate) struct Media {
    pub(crate) mime: String,
    pub(crate) sha256: Vec<u8>,
    pub(crate) content: Bytes,
}

/// A file that was stored.
pub(crate) struct Kept {
    pub(crate) filename: String,
    pub(crate) mime: &'static str,
}

/// Stores a file to be sent. The same content under the same idempotency key of a channel is
/// the file that was stored first; without a key every file is a new one.
pub(crate) async fn keep(
    pool: &PgPool,
    company: CompanyId,
    channel: ChannelId,
    idempotency_key: &str,
    content: &Bytes,
    now: OffsetDateTime,
) -> Result<Kept> {
    let kind = infer::get(content)
        .ok_or_else(|| Error::field("file", "TYPE_UNKNOWN", "the type of the file is unknown"))?;
    let mut random = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::Defect("no randomness".into()))?;
    // Conversation reads the kind of the message from the first word of the name.
    let group = match kind.matcher_type() {
        infer::MatcherType::Image if kind.mime_type() == "image/webp" => "sticker",
        infer::MatcherType::Image => "photo",
        infer::MatcherType::Audio => "audio",
        infer::MatcherType::Video => "video",
        _ => "document",
    };
    let wanted = format!("{group}_{}.{}", hex::encode(random), kind.extension());
    let file = store::NewFile {
        company,
        channel,
        idempotency_key,
        filename: &wanted,
        mime: kind.mime_type(),
        content,
    };
    Ok(Kept {
        filename: store::insert(pool, &file, now).await?,
        mime: kind.mime_type(),
    })
}

/// A file of a company, to be sent.
pub(crate) async fn outgoing(pool: &PgPool, company: i64, filename: &str) -> Result<OutgoingFile> {
    let media = store::find(pool, filename, Some(CompanyId(company))).await?;
    let media = media.ok_or_else(|| Error::Defect("the file of a message is gone".into()))?;
    Ok(OutgoingFile {
        name: filename.to_owned(),
        mime: media.mime,
        content: media.content,
    })
}
