//! `UserService`: decode, call, encode.

use auth::{Caller, CompanyId, DepartmentId, Role, UserId};
use chassis::config::Secret;
use idempotency::{Asked, Begun};
use postgres::Page;
use proto::common::v1::PageInfo;
use proto::identity::v1::{
    self as pb, CountUsersRequest, CountUsersResponse, CreateUserRequest, CreateUserResponse,
    DeleteUserPictureRequest, DeleteUserPictureResponse, GetUserPictureRequest,
    GetUserPictureResponse, GetUserRequest, GetUserResponse, ListUsersRequest, ListUsersResponse,
    StageUserPictureRequest, StageUserPictureResponse, UpdateUserRequest, UpdateUserResponse,
    UpdateUserStatusRequest, UpdateUserStatusResponse, UploadUserPictureRequest,
    UploadUserPictureResponse, get_user_request, user_service_server::UserService,
};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

use super::{
    Account, NewUser, Selector, Users,
    change::Change,
    creation::{self, Creation},
    list::Filter,
};
use crate::{access::Action, error::Error, pictures, wire::timestamp};

/// The rows of a page when nobody says how many.
const ROWS: u32 = 20;

/// The most users of an unpaged list.
const CAP: u32 = 10_000;

impl Users {
    async fn create_once(
        &self,
        caller: &Caller,
        mut request: CreateUserRequest,
        creation: &Creation,
    ) -> Result<CreateUserResponse, Error> {
        let now = self.clock.now();
        let mut db = self.pool.acquire().await?;
        // A repetition stages its picture anew: what is in it counts, not its name.
        request.staged_picture_id = match creation.picture {
            Some(staged) => pictures::fingerprint(&mut db, staged).await?,
            None => String::new(),
        };
        let key = &request.idempotency_key;
        let keyed = Asked::new(caller, "CreateUser", key, &request)?;
        let before = self.idempotency.answered(&mut db, now, keyed.as_ref());
        if let Some(answer) = before.await? {
            return Ok(answer);
        }
        drop(db);
        let phc = self.passwords.hash(creation.new.password.clone()).await?;
        let mut work = match self.idempotency.begin(&self.pool, now, keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let account = self.create(work.db(), caller, creation, &phc).await?;
        let answer = CreateUserResponse {
            user: Some(encode(account)),
        };
        work.commit(&answer).await?;
        Ok(answer)
    }
}

fn decode_creation(request: CreateUserRequest) -> Result<Creation, Error> {
    let role = creation::role(decode_role(request.role()))?;
    let picture = match request.staged_picture_id.as_str() {
        "" => None,
        id => Some(
            id.parse()
                .map_err(|_| Error::field("pic", "NOT_STAGED", "names no staged picture"))?,
        ),
    };
    Ok(Creation {
        new: NewUser {
            code: request.code,
            name: request.name,
            email: request.email,
            phone: request.phone,
            role,
            password: Secret::new(request.password),
            company: CompanyId(request.company_id),
            department: DepartmentId::present(request.department_id),
            active: request.active.unwrap_or(true),
        },
        picture,
    })
}

#[tonic::async_trait]
impl UserService for Users {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let creation = decode_creation(request.clone())?;
        Self::judge(&caller, &creation.new)?;
        let key = &request.idempotency_key;
        let answer = if caller.client.is_none() && !key.is_empty() {
            let account = self.create_under(&caller, &creation, key).await?;
            CreateUserResponse {
                user: Some(encode(account)),
            }
        } else {
            self.create_once(&caller, request, &creation).await?
        };
        Ok(Response::new(answer))
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        use get_user_request::Selector as Wire;
        let caller = auth::caller(&request)?.clone();
        let selector = match request.into_inner().selector {
            None => Selector::Caller,
            Some(Wire::UserId(id)) => Selector::Id(UserId(id)),
            // No row holds the character, and no statement takes it.
            Some(Wire::Email(text) | Wire::IdempotencyKey(text)) if text.contains('\0') => {
                return Err(Error::NoSuchUser.into());
            }
            Some(Wire::Email(email)) => Selector::Email(email),
            Some(Wire::IdempotencyKey(key)) => Selector::Key(key),
        };
        let account = self.get(&caller, selector).await?;
        Ok(Response::new(GetUserResponse {
            user: Some(encode(account)),
        }))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let asked = request.page.unwrap_or_default();
        let rows = if asked.per_page == 0 {
            ROWS
        } else {
            asked.per_page
        };
        let page = Page::new(asked.page, rows, asked.unpaged, CAP);
        let filter = Filter {
            role: decode_role(request.role()),
            name: request.name,
            email: request.email,
            company: CompanyId::present(request.company_id),
            company_name: request.company_name,
            phone: request.phone,
            department: DepartmentId::present(request.department_id),
            active: request.active,
        };
        let (users, total) = self.list(&caller, &filter, page).await?;
        Ok(Response::new(ListUsersResponse {
            users: users.into_iter().map(encode).collect(),
            page: Some(PageInfo {
                page: page.number,
                per_page: page.rows,
                total,
            }),
        }))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let role = match request.role {
            Some(_) => Some(creation::role(decode_role(request.role()))?),
            None => None,
        };
        let change = Change {
            code: request.code,
            name: request.name,
            email: request.email,
            phone: request.phone,
            password: request.password.map(Secret::new),
            role,
            online: request.online,
            active: request.active,
            company: request.company_id.map(CompanyId),
            department: request.department_id.map(DepartmentId),
        };
        let user = UserId(request.user_id);
        let (account, changed) = self.change(&caller, user, &change, Action::Change).await?;
        Ok(Response::new(UpdateUserResponse {
            user: Some(encode(account)),
            changed,
        }))
    }

    async fn update_user_status(
        &self,
        request: Request<UpdateUserStatusRequest>,
    ) -> Result<Response<UpdateUserStatusResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let change = Change {
            active: Some(request.active),
            ..Change::default()
        };
        let user = UserId(request.user_id);
        let (account, changed) = self.change(&caller, user, &change, Action::Switch).await?;
        Ok(Response::new(UpdateUserStatusResponse {
            user: Some(encode(account)),
            changed,
        }))
    }

    async fn count_users(
        &self,
        request: Request<CountUsersRequest>,
    ) -> Result<Response<CountUsersResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let company = CompanyId::present(request.into_inner().company_id);
        let figures = self.figures(&caller, company).await?;
        Ok(Response::new(CountUsersResponse {
            total: figures.total,
            active: figures.active,
            inactive: figures.total - figures.active,
        }))
    }

    async fn stage_user_picture(
        &self,
        request: Request<Streaming<StageUserPictureRequest>>,
    ) -> Result<Response<StageUserPictureResponse>, Status> {
        self.pictures.stage_rpc(request).await
    }

    async fn upload_user_picture(
        &self,
        request: Request<Streaming<UploadUserPictureRequest>>,
    ) -> Result<Response<UploadUserPictureResponse>, Status> {
        self.pictures.upload_rpc(request).await
    }

    async fn get_user_picture(
        &self,
        request: Request<GetUserPictureRequest>,
    ) -> Result<Response<BoxStream<GetUserPictureResponse>>, Status> {
        self.pictures.show_rpc(request).await
    }

    async fn delete_user_picture(
        &self,
        request: Request<DeleteUserPictureRequest>,
    ) -> Result<Response<DeleteUserPictureResponse>, Status> {
        self.pictures.remove_rpc(request).await
    }
}

fn decode_role(role: pb::Role) -> Option<Role> {
    match role {
        pb::Role::Unspecified => None,
        pb::Role::Super => Some(Role::Super),
        pb::Role::Admin => Some(Role::Admin),
        pb::Role::Chat => Some(Role::Chat),
    }
}

fn encode_role(role: Role) -> pb::Role {
    match role {
        Role::Super => pb::Role::Super,
        Role::Admin => pb::Role::Admin,
        Role::Chat => pb::Role::Chat,
    }
}

fn encode(account: Account) -> pb::User {
    let user = account.user;
    pb::User {
        user_id: user.id.0,
        code: account.code,
        name: user.name,
        email: user.email,
        phone: account.phone,
        role: encode_role(user.role).into(),
        company_id: user.company.0,
        department_id: DepartmentId::or_zero(user.department),
        active: user.active,
        online: account.online,
        picture: account.picture.as_ref().map(pictures::rpc::encode),
        created_at: Some(timestamp(account.created_at)),
        updated_at: Some(timestamp(account.updated_at)),
    }
}
