//! Knows user 15 of company 3 and the picture of user 15; user 7 has none.

use chassis::ErrorCode;
use proto::{
    common::v1::PageInfo,
    identity::v1::{
        CountUsersRequest, CountUsersResponse, CreateUserRequest, CreateUserResponse,
        DeleteUserPictureRequest, DeleteUserPictureResponse, GetUserPictureRequest,
        GetUserPictureResponse, GetUserRequest, GetUserResponse, ListUsersRequest,
        ListUsersResponse, Role, StageUserPictureRequest, StageUserPictureResponse,
        UpdateUserRequest, UpdateUserResponse, UpdateUserStatusRequest, UpdateUserStatusResponse,
        UploadUserPictureRequest, UploadUserPictureResponse, User, UserPicture,
        get_user_picture_response,
        get_user_request::Selector,
        stage_user_picture_request, upload_user_picture_request,
        user_service_server::{UserService, UserServiceServer},
    },
};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

use super::{Shared, refusal, wrong};

/// The content of the only picture, in the pieces in which it is answered.
pub const PICTURE: [&str; 3] = ["not ", "a real ", "picture"];

pub struct Fake(Shared);

pub fn service(world: &Shared) -> UserServiceServer<Fake> {
    UserServiceServer::new(Fake(world.clone()))
}

fn juan() -> User {
    User {
        user_id: 15,
        name: "Juan Perez".into(),
        email: "juan@empresa.com".into(),
        role: Role::Admin.into(),
        company_id: 3,
        department_id: 7,
        active: true,
        ..User::default()
    }
}

fn picture() -> UserPicture {
    UserPicture {
        mime: "image/png".into(),
        size: i64::try_from(PICTURE.concat().len()).unwrap(),
        sha256: vec![0xab; 32].into(),
        updated_at: Some("2026-08-07T12:00:00Z".parse().unwrap()),
    }
}

fn known(user_id: i64) -> Result<User, Status> {
    match user_id {
        7 | 15 => Ok(User { user_id, ..juan() }),
        _ => Err(refusal(ErrorCode::NotFound, "USER")),
    }
}

impl Fake {
    /// Notes a stream in words: what its header said, and how it came.
    fn note_stream<T>(
        &self,
        rpc: &'static str,
        request: &Request<T>,
        header: i64,
        pieces: &[usize],
    ) -> Result<(), Status> {
        let total: usize = pieces.iter().sum();
        let largest = pieces.iter().max().copied().unwrap_or_default();
        let words = format!("header {header}, total {total}, largest {largest}");
        let mut noted = Request::new(words);
        *noted.extensions_mut() = request.extensions().clone();
        self.0.note(rpc, &noted)
    }
}

#[tonic::async_trait]
impl UserService for Fake {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        self.0.note("CreateUser", &request)?;
        let asked = request.into_inner();
        match asked.email.as_str() {
            "taken@empresa.com" => return Err(refusal(ErrorCode::AlreadyExists, "EMAIL_TAKEN")),
            "foreign@empresa.com" => return Err(wrong("department", "NOT_REGISTERED")),
            _ => {}
        }
        let user = User {
            name: asked.name,
            email: asked.email,
            role: asked.role,
            ..juan()
        };
        Ok(Response::new(CreateUserResponse { user: Some(user) }))
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        self.0.note("GetUser", &request)?;
        let Some(Selector::UserId(id)) = request.into_inner().selector else {
            return Err(refusal(ErrorCode::NotFound, "USER"));
        };
        Ok(Response::new(GetUserResponse {
            user: Some(known(id)?),
        }))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        self.0.note("ListUsers", &request)?;
        let page = request.into_inner().page.unwrap_or_default();
        Ok(Response::new(ListUsersResponse {
            users: vec![juan()],
            page: Some(PageInfo {
                page: page.page,
                per_page: page.per_page,
                total: 1,
            }),
        }))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        self.0.note("UpdateUser", &request)?;
        let asked = request.into_inner();
        if asked.password.as_deref() == Some("too late for this") {
            return Err(refusal(ErrorCode::FailedPrecondition, "SESSION_NOT_FRESH"));
        }
        let user = known(asked.user_id)?;
        let user = User {
            name: asked.name.unwrap_or(user.name),
            email: asked.email.unwrap_or(user.email),
            ..user
        };
        Ok(Response::new(UpdateUserResponse {
            user: Some(user),
            changed: true,
        }))
    }

    async fn update_user_status(
        &self,
        request: Request<UpdateUserStatusRequest>,
    ) -> Result<Response<UpdateUserStatusResponse>, Status> {
        self.0.note("UpdateUserStatus", &request)?;
        let asked = request.into_inner();
        let user = User {
            active: asked.active,
            ..known(asked.user_id)?
        };
        Ok(Response::new(UpdateUserStatusResponse {
            user: Some(user),
            changed: !asked.active,
        }))
    }

    async fn count_users(
        &self,
        request: Request<CountUsersRequest>,
    ) -> Result<Response<CountUsersResponse>, Status> {
        self.0.note("CountUsers", &request)?;
        Ok(Response::new(CountUsersResponse {
            total: 10,
            active: 9,
            inactive: 1,
        }))
    }

    async fn stage_user_picture(
        &self,
        mut request: Request<Streaming<StageUserPictureRequest>>,
    ) -> Result<Response<StageUserPictureResponse>, Status> {
        use stage_user_picture_request::Part;
        let (mut header, mut pieces) = (0, Vec::new());
        while let Some(message) = request.get_mut().message().await? {
            match message.part {
                Some(Part::Header(first)) => header = first.company_id,
                Some(Part::Chunk(piece)) => pieces.push(piece.len()),
                None => {}
            }
        }
        self.note_stream("StageUserPicture", &request, header, &pieces)?;
        Ok(Response::new(StageUserPictureResponse {
            staged_picture_id: "staged-1".into(),
            picture: Some(picture()),
        }))
    }

    async fn upload_user_picture(
        &self,
        mut request: Request<Streaming<UploadUserPictureRequest>>,
    ) -> Result<Response<UploadUserPictureResponse>, Status> {
        use upload_user_picture_request::Part;
        let (mut header, mut pieces) = (0, Vec::new());
        while let Some(message) = request.get_mut().message().await? {
            match message.part {
                Some(Part::Header(first)) => header = first.user_id,
                Some(Part::Chunk(piece)) => pieces.push(piece.len()),
                None => {}
            }
        }
        self.note_stream("UploadUserPicture", &request, header, &pieces)?;
        if pieces == [3] {
            return Err(wrong("pic", "TYPE_UNKNOWN"));
        }
        Ok(Response::new(UploadUserPictureResponse {
            user_id: known(header)?.user_id,
            picture: Some(picture()),
        }))
    }

    async fn get_user_picture(
        &self,
        request: Request<GetUserPictureRequest>,
    ) -> Result<Response<BoxStream<GetUserPictureResponse>>, Status> {
        use get_user_picture_response::Part;
        self.0.note("GetUserPicture", &request)?;
        let asked = request.into_inner();
        if known(asked.user_id)?.user_id == 7 {
            return Err(refusal(ErrorCode::NotFound, "PICTURE"));
        }
        let mut parts = vec![Part::Picture(picture())];
        if !asked.info_only {
            parts.extend(PICTURE.map(|piece| Part::Chunk(piece.into())));
        }
        let answers = parts
            .into_iter()
            .map(|part| Ok(GetUserPictureResponse { part: Some(part) }));
        Ok(Response::new(Box::pin(futures_util::stream::iter(answers))))
    }

    async fn delete_user_picture(
        &self,
        request: Request<DeleteUserPictureRequest>,
    ) -> Result<Response<DeleteUserPictureResponse>, Status> {
        self.0.note("DeleteUserPicture", &request)?;
        let user = known(request.into_inner().user_id)?;
        Ok(Response::new(DeleteUserPictureResponse {
            deleted: user.user_id == 15,
        }))
    }
}
