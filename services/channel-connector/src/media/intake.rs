//! Taking in a file: from the wire into pieces, with its digest, up to a limit.

use auth::CompanyId;
use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::content::{self, PIECE};
use crate::{
    error::{Error, Result},
    providers::{Download, Missed},
};

/// A file that has come whole; its content is not finished yet.
pub(super) struct Received {
    pub(super) content: Uuid,
    pub(super) sha256: [u8; 32],
    pub(super) size: i64,
    /// The first piece.
    pub(super) head: Bytes,
}

/// Stores a download in a new content. What fails leaves nothing behind.
pub(super) async fn receive(
    pool: &PgPool,
    company: CompanyId,
    download: Download,
    largest: u64,
    now: OffsetDateTime,
) -> std::result::Result<Received, Missed> {
    let content = content::begin(pool, company, now).await?;
    let mut intake = Intake {
        pool,
        content,
        waiting: BytesMut::new(),
        place: 0,
        size: 0,
        digest: Context::new(&SHA256),
        head: Bytes::new(),
    };
    match intake.drain(download, largest).await {
        Ok(sha256) => Ok(Received {
            content,
            sha256,
            size: i64::try_from(intake.size).unwrap_or(i64::MAX),
            head: intake.head,
        }),
        Err(missed) => {
            if let Err(error) = content::discard(pool, content).await {
                tracing::debug!(%error, "half a file stays for a day");
            }
            Err(missed)
        }
    }
}

struct Intake<'a> {
    pool: &'a PgPool,
    content: Uuid,
    /// Less than a piece.
    waiting: BytesMut,
    /// That of the next piece.
    place: i32,
    size: u64,
    digest: Context,
    head: Bytes,
}

impl Intake<'_> {
    async fn drain(
        &mut self,
        mut download: Download,
        largest: u64,
    ) -> std::result::Result<[u8; 32], Missed> {
        while let Some(chunk) = download.next().await? {
            self.size += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            // Whatever was announced, here is the end.
            if self.size > largest {
                return Err(Missed::TooLarge(largest));
            }
            self.digest.update(&chunk);
            self.waiting.extend_from_slice(&chunk);
            while self.waiting.len() >= PIECE {
                self.write(PIECE).await?;
            }
        }
        if !self.waiting.is_empty() {
            self.write(self.waiting.len()).await?;
        }
        let digest = self.digest.clone().finish();
        let sha256: [u8; 32] = digest
            .as_ref()
            .try_into()
            .map_err(|_| Error::Defect("a digest has another length".into()))?;
        download.verify(&sha256)?;
        Ok(sha256)
    }

    async fn write(&mut self, length: usize) -> Result<()> {
        let piece = self.waiting.split_to(length).freeze();
        content::write(self.pool, self.content, self.place, &piece).await?;
        if self.place == 0 {
            self.head = piece;
        }
        self.place += 1;
        Ok(())
    }
}
