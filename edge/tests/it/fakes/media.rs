//! Knows three files of the same content and of different types.

use bytes::Bytes;
use chassis::ErrorCode;
use futures_util::stream;
use proto::channel::v1::{
    GetMediaRequest, GetMediaResponse, MediaInfo,
    get_media_response::Part,
    media_service_server::{MediaService, MediaServiceServer},
};
use tonic::{Request, Response, Status, codegen::BoxStream};

use super::{Shared, refusal};

/// The picture of the documents.
pub const PHOTO: &str = "photo_12345.jpg";

/// What every file holds.
pub const CONTENT: &str = "0123456789abcdefghij";

struct Fake(Shared);

pub fn service(world: &Shared) -> MediaServiceServer<impl MediaService + use<>> {
    MediaServiceServer::new(Fake(world.clone()))
}

#[tonic::async_trait]
impl MediaService for Fake {
    async fn get_media(
        &self,
        request: Request<GetMediaRequest>,
    ) -> Result<Response<BoxStream<GetMediaResponse>>, Status> {
        self.0.note("GetMedia", &request)?;
        let asked = request.into_inner();
        let mime = match asked.filename.as_str() {
            PHOTO => "image/jpeg",
            "document_1.html" => "text/html",
            "document_1.pdf" => "application/pdf",
            _ => return Err(refusal(ErrorCode::NotFound, "FILE_UNKNOWN")),
        };
        let size = CONTENT.len();
        let from = usize::try_from(asked.offset).unwrap().min(size);
        let length = asked
            .length
            .map_or(size, |length| length.try_into().unwrap());
        let wanted = &CONTENT.as_bytes()[from..size.min(from.saturating_add(length))];
        let info = Part::Info(MediaInfo {
            mime: mime.into(),
            size: size.try_into().unwrap(),
            sha256: Bytes::from_static(&[0xab; 32]),
        });
        let most = self.0.cut_off_after.lock().unwrap().unwrap_or(usize::MAX);
        let chunks = wanted.chunks(7).take(most);
        let chunks = chunks.map(|chunk| Part::Chunk(Bytes::copy_from_slice(chunk)));
        let parts: Vec<_> = std::iter::once(info)
            .chain(chunks)
            .map(|part| Ok(GetMediaResponse { part: Some(part) }))
            .collect();
        Ok(Response::new(Box::pin(stream::iter(parts))))
    }
}
