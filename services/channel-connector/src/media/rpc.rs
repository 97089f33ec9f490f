//! MediaService: the description of a file, then its content in pieces.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use proto::channel::v1::{
    GetMediaRequest, GetMediaResponse, MediaInfo, get_media_response::Part,
    media_service_server::MediaService,
};
use sqlx::PgPool;
use tonic::{Request, Response, Status, codegen::BoxStream};
use uuid::Uuid;

use super::{content, store};
use crate::error::Error;

/// The largest chunk in bytes.
const CHUNK: usize = 64 * 1024;

/// No name of ours is longer.
const LONGEST_NAME: usize = 100;

/// MediaService over the stored files.
pub(crate) struct Rpc(pub(crate) PgPool);

#[tonic::async_trait]
impl MediaService for Rpc {
    async fn get_media(
        &self,
        request: Request<GetMediaRequest>,
    ) -> Result<Response<BoxStream<GetMediaResponse>>, Status> {
        auth::caller(&request)?;
        let asked = request.into_inner();
        let plain = asked.filename.len() <= LONGEST_NAME
            && asked.filename.is_ascii()
            && !asked.filename.contains('\0');
        let media = if plain {
            store::find(&self.0, &asked.filename, None).await?
        } else {
            None
        };
        let media = media.ok_or(Error::UnknownFile)?;
        let from = asked.offset.clamp(0, media.size);
        let length = asked.length.unwrap_or(i64::MAX).max(0);
        let reading = Reading {
            pool: self.0.clone(),
            content: media.content,
            at: bytes_of(from),
            end: bytes_of(from.saturating_add(length).min(media.size)),
            piece: Bytes::new(),
        };
        let info = Part::Info(MediaInfo {
            size: media.size,
            mime: media.mime,
            sha256: media.sha256.into(),
        });
        let chunks = stream::try_unfold(reading, Reading::next);
        let parts =
            stream::once(async { Ok(info) }).chain(chunks.map(|chunk| chunk.map(Part::Chunk)));
        Ok(Response::new(Box::pin(parts.map(|part| {
            part.map(|part| GetMediaResponse { part: Some(part) })
        }))))
    }
}

fn bytes_of(count: i64) -> usize {
    usize::try_from(count).unwrap_or(0)
}

/// A content being read: one piece is in memory at a time.
struct Reading {
    pool: PgPool,
    content: Uuid,
    /// The first byte that is not in `piece` yet.
    at: usize,
    end: usize,
    /// What is left to hand out of the piece that was read last.
    piece: Bytes,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Status> {
        if self.piece.is_empty() {
            if self.at >= self.end {
                return Ok(None);
            }
            self.read_on().await?;
        }
        let chunk = self.piece.split_to(self.piece.len().min(CHUNK));
        Ok(Some((chunk, self)))
    }

    async fn read_on(&mut self) -> Result<(), Error> {
        let (place, within) = (self.at / content::PIECE, self.at % content::PIECE);
        let number = i32::try_from(place).unwrap_or(i32::MAX);
        let piece = content::read(&self.pool, self.content, number).await?;
        let mut piece = Bytes::from(piece.unwrap_or_default());
        piece.truncate(self.end - place * content::PIECE);
        if piece.len() <= within {
            return Err(Error::Defect("a piece of a file is gone".into()));
        }
        self.piece = piece.split_off(within);
        self.at += self.piece.len();
        Ok(())
    }
}
