//! Has a picture of user 15.

use chassis::ErrorCode;
use proto::identity::v1::{
    GetUserPictureRequest, GetUserPictureResponse, UserPicture,
    get_user_picture_response::Part,
    user_service_server::{UserService, UserServiceServer},
};
use tonic::{Request, Response, Status, codegen::BoxStream};

use super::{Shared, refusal};

pub struct Fake(Shared);

pub fn service(world: &Shared) -> UserServiceServer<Fake> {
    UserServiceServer::new(Fake(world.clone()))
}

#[tonic::async_trait]
impl UserService for Fake {
    async fn get_user_picture(
        &self,
        request: Request<GetUserPictureRequest>,
    ) -> Result<Response<BoxStream<GetUserPictureResponse>>, Status> {
        self.0.note("GetUserPicture", &request)?;
        if request.get_ref().user_id != 15 {
            return Err(refusal(ErrorCode::NotFound, "PICTURE"));
        }
        let described = GetUserPictureResponse {
            part: Some(Part::Picture(UserPicture {
                mime: "image/png".into(),
                ..UserPicture::default()
            })),
        };
        Ok(Response::new(Box::pin(futures_util::stream::iter([Ok(
            described,
        )]))))
    }
}
