//! The pictures' part of `UserService`: decode, call, encode.

use auth::{Caller, CompanyId, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use proto::identity::v1::{
    self as pb, DeleteUserPictureRequest, DeleteUserPictureResponse, GetUserPictureRequest,
    GetUserPictureResponse, StageUserPictureRequest, StageUserPictureResponse,
    UploadUserPictureRequest, UploadUserPictureResponse, get_user_picture_response,
    stage_user_picture_request, upload_user_picture_request,
};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

use super::{Picture, Pictures, intake};
use crate::wire::timestamp;

/// What a picture is, on the wire.
pub fn encode(picture: &Picture) -> pb::UserPicture {
    pb::UserPicture {
        mime: picture.mime.clone(),
        size: picture.size,
        sha256: picture.sha256.clone().into(),
        updated_at: Some(timestamp(picture.updated_at)),
    }
}

impl Pictures {
    /// StageUserPicture.
    pub async fn stage_rpc(
        &self,
        request: Request<Streaming<StageUserPictureRequest>>,
    ) -> Result<Response<StageUserPictureResponse>, Status> {
        use stage_user_picture_request::Part;
        let caller = auth::caller(&request)?.clone();
        let mut stream = request.into_inner();
        let first = stream.message().await?.and_then(|first| first.part);
        let Some(Part::Header(header)) = first else {
            return Err(intake::no_header());
        };
        let company = CompanyId(header.company_id);
        Self::admit_staging(&caller, company)?;
        let _room = self.room().await?;
        let content = intake::content(&mut stream, |message| match message.part {
            Some(Part::Chunk(piece)) => Some(piece),
            _ => None,
        })
        .await?;
        let (id, picture) = self.stage(company, content).await?;
        Ok(Response::new(StageUserPictureResponse {
            staged_picture_id: id.to_string(),
            picture: Some(encode(&picture)),
        }))
    }

    /// UploadUserPicture.
    pub async fn upload_rpc(
        &self,
        request: Request<Streaming<UploadUserPictureRequest>>,
    ) -> Result<Response<UploadUserPictureResponse>, Status> {
        use upload_user_picture_request::Part;
        let caller = auth::caller(&request)?.clone();
        let mut stream = request.into_inner();
        let first = stream.message().await?.and_then(|first| first.part);
        let Some(Part::Header(header)) = first else {
            return Err(intake::no_header());
        };
        let user = UserId(header.user_id);
        self.admit_change(&caller, user).await?;
        let _room = self.room().await?;
        let content = intake::content(&mut stream, |message| match message.part {
            Some(Part::Chunk(piece)) => Some(piece),
            _ => None,
        })
        .await?;
        let picture = self.replace(&caller, user, content).await?;
        Ok(Response::new(UploadUserPictureResponse {
            user_id: user.0,
            picture: Some(encode(&picture)),
        }))
    }

    /// GetUserPicture.
    pub async fn show_rpc(
        &self,
        request: Request<GetUserPictureRequest>,
    ) -> Result<Response<BoxStream<GetUserPictureResponse>>, Status> {
        use get_user_picture_response::Part;
        let caller: Caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let user = UserId(request.user_id);
        let (picture, content) = self.show(&caller, user, request.info_only).await?;
        let first = stream::iter([Ok(Part::Picture(encode(&picture)))]);
        let parts = first.chain(content.map_ok(Part::Chunk));
        let answers = parts.map(|part| {
            let part = Some(part.map_err(Status::from)?);
            Ok(GetUserPictureResponse { part })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    /// DeleteUserPicture.
    pub async fn remove_rpc(
        &self,
        request: Request<DeleteUserPictureRequest>,
    ) -> Result<Response<DeleteUserPictureResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let user = UserId(request.into_inner().user_id);
        let deleted = self.remove(&caller, user).await?;
        Ok(Response::new(DeleteUserPictureResponse { deleted }))
    }
}
