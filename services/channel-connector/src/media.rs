//! Files that messages carry.
//!
//! The name of a file is a capability: whoever knows it may read it, and nobody
//! can guess it. What a file is, its first bytes decide, never what somebody says
//! of it. Content is stored in pieces, each content once in a company.

mod content;
mod fetching;
mod intake;
mod naming;
pub(crate) mod rpc;
mod store;

use auth::{ChannelId, CompanyId};
use bytes::{Bytes, BytesMut};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::{
    content::remove_unfinished,
    fetching::Fetcher,
    store::{note_use, remove_unused},
};
use crate::{
    error::{Error, Result},
    providers::OutgoingFile,
};

/// A stored file.
pub(crate) struct Media {
    pub(crate) mime: String,
    pub(crate) sha256: Vec<u8>,
    /// In bytes.
    pub(crate) size: i64,
    content: Uuid,
}

/// A file that was stored.
pub(crate) struct Kept {
    pub(crate) filename: String,
    pub(crate) mime: &'static str,
}

/// The type of a file to be sent, which must be a known one.
pub(crate) fn check(content: &Bytes) -> Result<infer::Type> {
    infer::get(content)
        .ok_or_else(|| Error::field("file", "TYPE_UNKNOWN", "the type of the file is unknown"))
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
    let kind = check(content)?;
    // Conversation reads the kind of the message from the first word of the name.
    let group = match kind.matcher_type() {
        infer::MatcherType::Image if kind.mime_type() == "image/webp" => "sticker",
        infer::MatcherType::Image => "photo",
        infer::MatcherType::Audio => "audio",
        infer::MatcherType::Video => "video",
        _ => "document",
    };
    let mut transaction = pool.begin().await?;
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    let held = content::put(&mut transaction, company, sha256.as_ref(), content, now).await?;
    let file = store::NewFile {
        company,
        channel,
        idempotency_key,
        filename: &naming::unguessable(group, kind.extension())?,
        mime: kind.mime_type(),
        sha256: sha256.as_ref(),
        content: held,
        used: false,
    };
    let filename = store::insert(&mut transaction, &file, now).await?;
    transaction.commit().await?;
    Ok(Kept {
        filename,
        mime: kind.mime_type(),
    })
}

/// A file of a company, to be sent.
pub(crate) async fn outgoing(pool: &PgPool, company: i64, filename: &str) -> Result<OutgoingFile> {
    let gone = || Error::Defect("the file of a message is gone".into());
    let media = store::find(pool, filename, Some(CompanyId(company))).await?;
    let media = media.ok_or_else(gone)?;
    let mut whole = BytesMut::new();
    for place in 0..content::pieces(media.size) {
        let piece = content::read(pool, media.content, place).await?;
        whole.extend_from_slice(&piece.ok_or_else(gone)?);
    }
    Ok(OutgoingFile {
        name: filename.to_owned(),
        mime: media.mime,
        content: whole.freeze(),
    })
}
