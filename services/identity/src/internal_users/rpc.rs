//! `InternalUserService`: decode, call, encode.

use proto::identity::v1::{
    self as pb, BindSynologyIdRequest, BindSynologyIdResponse, FindInternalUsersRequest,
    FindInternalUsersResponse, internal_user_service_server::InternalUserService,
};
use tonic::{Request, Response, Status};

use super::{Filter, InternalUser, Staff};
use crate::{error::Error, wire::timestamp};

#[tonic::async_trait]
impl InternalUserService for Staff {
    async fn find_internal_users(
        &self,
        request: Request<FindInternalUsersRequest>,
    ) -> Result<Response<FindInternalUsersResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let request = request.into_inner();
        let filter = Filter {
            login: request.login,
            email: request.email,
            department: request.department_id,
            id: request.internal_user_id,
        };
        let users = self.find(&caller, &filter).await?;
        Ok(Response::new(FindInternalUsersResponse {
            users: users.into_iter().map(encode).collect(),
        }))
    }

    async fn bind_synology_id(
        &self,
        request: Request<BindSynologyIdRequest>,
    ) -> Result<Response<BindSynologyIdResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        if !caller.is_service("mail-ticket") {
            return Err(Error::Forbidden.into());
        }
        let request = request.into_inner();
        let (user, changed) =
            Staff::bind_synology_id(self, &caller, &request.login, request.synology_id).await?;
        Ok(Response::new(BindSynologyIdResponse {
            user: Some(encode(user)),
            changed,
        }))
    }
}

fn encode(user: InternalUser) -> pb::InternalUser {
    pb::InternalUser {
        internal_user_id: user.id,
        login: user.login,
        name: user.name,
        id_card: user.id_card,
        user_type: user.user_type,
        status: user.status,
        accesses: user.accesses,
        username: user.username,
        email: user.email,
        extension: user.extension,
        ticket_access: user.ticket_access,
        department_id: user.department_id,
        role_id: user.role_id,
        role: user.role,
        manager: user.manager,
        mobile: user.mobile,
        last_access_at: user.last_access_at.map(timestamp),
        ip_address: user.ip_address,
        systems: user.systems,
        synology_id: user.synology_id,
    }
}
