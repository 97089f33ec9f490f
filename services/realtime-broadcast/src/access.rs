//! Who may listen where, and the signatures that say so.

use std::time::Duration;

use auth::{Authority, Call, Caller, UserCaller};
use chassis::Upstream;
use proto::conversation::v1::{CanAccessChatRequest, chat_service_client::ChatServiceClient};
use serde_json::json;

use crate::{
    Error,
    apps::App,
    names::{self, Kind, Owner, Requested, Target},
    protocol,
    signatures::{self, Signed},
};

/// How long conversation may take to say who belongs in a chat.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a client passes on to its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// `key:signature`.
    pub auth: String,
    /// What was signed along: the member or the user as JSON text; may be empty.
    pub data: String,
}

/// Decides and signs. Cloning shares the connection to conversation.
#[derive(Clone)]
pub struct Access {
    conversation: Upstream,
}

impl Access {
    /// Asks `conversation` about chats.
    pub fn new(conversation: Upstream) -> Self {
        Self { conversation }
    }

    /// The signature of a subscription of the user behind the call. `token` is the
    /// context token of that user; conversation judges by it.
    pub async fn channel(
        &self,
        app: &App,
        caller: &Caller,
        token: &str,
        socket: &str,
        channel: &str,
    ) -> Result<Grant, Error> {
        let user = user(caller)?;
        let socket = socket_id(socket)?;
        let Ok(requested) = Requested::read(channel) else {
            return Err(Error::Forbidden("there is no such channel"));
        };
        if !self.may_listen(user, token, &requested).await? {
            return Err(Error::Forbidden("the user may not listen there"));
        }
        let data = if requested.kind == Kind::Presence {
            let info = json!({"id": user.id, "name": user.name});
            json!({"user_id": user.id.to_string(), "user_info": info}).to_string()
        } else {
            String::new()
        };
        let what = Signed::Subscription {
            socket,
            channel,
            data: (!data.is_empty()).then_some(&data),
        };
        Ok(Grant {
            auth: signatures::sign(app, what),
            data,
        })
    }

    /// The signature of the sign-in of the user behind the call.
    pub fn user(&self, app: &App, caller: &Caller, socket: &str) -> Result<Grant, Error> {
        let user = user(caller)?;
        let socket = socket_id(socket)?;
        let info = json!({"name": user.name});
        let data = json!({"id": user.id.to_string(), "user_info": info}).to_string();
        let auth = signatures::sign(
            app,
            Signed::User {
                socket,
                data: &data,
            },
        );
        Ok(Grant { auth, data })
    }

    /// Refuses whoever may not speak in, or look into, the room of a chat. Users
    /// have to see the chat; without one, services and the clients of the platform
    /// act for every company.
    pub async fn check_room(
        &self,
        caller: &Caller,
        token: &str,
        target: &Target,
    ) -> Result<(), Error> {
        let Target::PresenceChat(room) = target else {
            return Ok(());
        };
        let Some(chat) = names::chat_of_room(room) else {
            return Ok(());
        };
        let client = caller.client.as_ref();
        let trusted = client.is_none_or(|client| client.authority == Authority::Platform);
        let allowed = match chat {
            None => false,
            Some(_) if caller.user.is_none() => trusted,
            Some(chat) => self.sees_chat(token, chat).await?,
        };
        if allowed {
            return Ok(());
        }
        Err(Error::Forbidden("the room belongs to a chat of others"))
    }

    async fn may_listen(
        &self,
        user: &UserCaller,
        token: &str,
        requested: &Requested,
    ) -> Result<bool, Error> {
        match requested.owner() {
            Owner::User(owner) | Owner::ClientUser { user: owner } => Ok(owner == user.id.0),
            Owner::Room(room) => match names::chat_of_room(room) {
                Some(Some(chat)) => self.sees_chat(token, chat).await,
                Some(None) => Ok(false),
                // A room of its own making; the app is that of the user's company.
                None => Ok(true),
            },
            Owner::SignedIn(_) | Owner::Unknown => Ok(false),
        }
    }

    async fn sees_chat(&self, token: &str, chat_id: i64) -> Result<bool, Error> {
        let failed = |status| Error::Upstream {
            service: "conversation",
            status,
        };
        let call = Call::new(token, TIMEOUT)
            .map_err(|error| failed(tonic::Status::internal(error.to_string())))?;
        let answer = ChatServiceClient::new(self.conversation.clone())
            .can_access_chat(call.request(CanAccessChatRequest { chat_id }))
            .await;
        match answer {
            Ok(answer) => Ok(answer.into_inner().allowed),
            Err(status) => match status.code() {
                tonic::Code::NotFound | tonic::Code::PermissionDenied => Ok(false),
                _ => Err(failed(status)),
            },
        }
    }
}

fn user(caller: &Caller) -> Result<&UserCaller, Error> {
    let user = caller.user.as_ref();
    user.ok_or(Error::Forbidden("only users have channels of their own"))
}

fn socket_id(text: &str) -> Result<&str, Error> {
    if protocol::is_socket_id(text) {
        return Ok(text);
    }
    Err(Error::Field {
        field: "socket_id",
        problem: "must be two numbers with a dot between them",
    })
}
