//! Signs what belongs to user 7.

use chassis::ErrorCode;
use proto::realtime::v1::{
    AuthenticateUserRequest, AuthenticateUserResponse, AuthorizeChannelRequest,
    AuthorizeChannelResponse, PublishRequest, PublishResponse,
    realtime_service_server::{RealtimeService, RealtimeServiceServer},
    target::Target,
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Shared, refusal, wrong};

struct Fake(Shared);

pub fn routes(world: &Shared) -> Routes {
    Routes::new(RealtimeServiceServer::new(Fake(world.clone())))
}

fn part(field: &'static str, name: &str, family: &str) -> Result<String, Status> {
    if name.contains('.') {
        Err(wrong(field, "INVALID"))
    } else {
        Ok(format!("{family}.{name}"))
    }
}

#[tonic::async_trait]
impl RealtimeService for Fake {
    async fn publish(
        &self,
        request: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        self.0.note("Publish", &request)?;
        let named = match request.into_inner().target.and_then(|target| target.target) {
            Some(Target::PresenceChat(room)) => part("room_id", &room, "presencechat")?,
            Some(Target::PublicChat(name)) => part("channel", &name, "publicchat")?,
            Some(Target::PublicChannel(name)) => part("channel", &name, "public")?,
            Some(Target::PrivateUser(user)) => format!("privateuser.{user}"),
            Some(Target::ClientUser(pair)) => {
                format!("client.{}.{}", pair.customer_id, pair.user_id)
            }
            _ => return Err(wrong("target", "INVALID")),
        };
        Ok(Response::new(PublishResponse {
            logical_name: named,
            offset: 1,
        }))
    }

    async fn authorize_channel(
        &self,
        request: Request<AuthorizeChannelRequest>,
    ) -> Result<Response<AuthorizeChannelResponse>, Status> {
        self.0.note("AuthorizeChannel", &request)?;
        let asked = request.into_inner();
        if !asked.socket_id.contains('.') {
            return Err(wrong("socket_id", "INVALID"));
        }
        let channel_data = match asked.channel_name.as_str() {
            "private-privateuser.7" => String::new(),
            "presence-presencechat.room-1" => r#"{"user_id":"7"}"#.into(),
            _ => return Err(refusal(ErrorCode::PermissionDenied, "NOT_YOURS")),
        };
        Ok(Response::new(AuthorizeChannelResponse {
            auth: "key:signature".into(),
            channel_data,
        }))
    }

    async fn authenticate_user(
        &self,
        request: Request<AuthenticateUserRequest>,
    ) -> Result<Response<AuthenticateUserResponse>, Status> {
        self.0.note("AuthenticateUser", &request)?;
        Ok(Response::new(AuthenticateUserResponse {
            auth: "key:signature".into(),
            user_data: r#"{"id":"7"}"#.into(),
        }))
    }
}
