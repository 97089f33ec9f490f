//! MediaService: the description of a file, then its content in pieces.

use proto::channel::v1::{
    GetMediaRequest, GetMediaResponse, MediaInfo, get_media_response::Part,
    media_service_server::MediaService,
};
use sqlx::PgPool;
use tonic::{Request, Response, Status, codegen::BoxStream};

use super::store;
use crate::error::Error;

/// The largest piece.
const PIECE: usize = 64 * 1024;

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
        let filename = request.into_inner().filename;
        let plain =
            filename.len() <= LONGEST_NAME && filename.is_ascii() && !filename.contains('\0');
        let media = if plain {
            store::find(&self.0, &filename, None).await?
        } else {
            None
        };
        let media = media.ok_or(Error::UnknownFile)?;
        let info = MediaInfo {
            size: i64::try_from(media.content.len()).unwrap_or(i64::MAX),
            mime: media.mime,
            sha256: media.sha256.into(),
        };
        let mut rest = media.content;
        let mut parts = vec![Part::Info(info)];
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE));
            parts.push(Part::Chunk(piece));
        }
        Ok(Response::new(Box::pin(tokio_stream::iter(
            parts
                .into_iter()
                .map(|part| Ok(GetMediaResponse { part: Some(part) })),
        ))))
    }
}
