//! Knows chat 123 with messages 1 and 2, and the guest of one telephone.

use chassis::ErrorCode;
use proto::{
    common::v1::PageInfo,
    conversation::v1::{
        Chat, ChatUser, GetChatMessagesRequest, GetChatMessagesResponse, GetChatUsersRequest,
        GetChatUsersResponse, GetGuestByPhoneRequest, GetGuestByPhoneResponse, Guest,
        ListChatUsersRequest, ListChatUsersResponse, ListChatsRequest, ListChatsResponse,
        MarkAsReadRequest, MarkAsReadResponse, Message, Participant, SendMessageRequest,
        SendMessageResponse, StoreGuestRequest, StoreGuestResponse,
        chat_service_server::{ChatService, ChatServiceServer},
        guest_service_server::{GuestService, GuestServiceServer},
    },
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Shared, refusal, wrong};

const PHONE: &str = "50688888888";

struct Fake(Shared);

pub fn routes(world: &Shared) -> Routes {
    Routes::new(ChatServiceServer::new(Fake(world.clone())))
        .add_service(GuestServiceServer::new(Fake(world.clone())))
}

fn known(chat_id: i64) -> Result<(), Status> {
    if chat_id == 123 {
        Ok(())
    } else {
        Err(wrong("id_chat", "NOT_REGISTERED"))
    }
}

fn one_row() -> PageInfo {
    PageInfo {
        page: 1,
        per_page: 10,
        total: 1,
    }
}

#[tonic::async_trait]
impl ChatService for Fake {
    async fn list_chats(
        &self,
        request: Request<ListChatsRequest>,
    ) -> Result<Response<ListChatsResponse>, Status> {
        self.0.note("ListChats", &request)?;
        Ok(Response::new(ListChatsResponse {
            chats: vec![Chat {
                chat_id: 123,
                name: "Cliente A".into(),
                last_message: "Hola".into(),
                unread: 2,
                ..Chat::default()
            }],
            page: Some(one_row()),
        }))
    }

    async fn list_chat_users(
        &self,
        request: Request<ListChatUsersRequest>,
    ) -> Result<Response<ListChatUsersResponse>, Status> {
        self.0.note("ListChatUsers", &request)?;
        Ok(Response::new(ListChatUsersResponse {
            users: vec![ChatUser {
                user_id: 7,
                name: "Agente 1".into(),
                email: "agente1@empresa.com".into(),
                department_id: 7,
            }],
            page: Some(one_row()),
        }))
    }

    async fn get_chat_messages(
        &self,
        request: Request<GetChatMessagesRequest>,
    ) -> Result<Response<GetChatMessagesResponse>, Status> {
        self.0.note("GetChatMessages", &request)?;
        let asked = request.into_inner();
        known(asked.chat_id)?;
        let message = |text: String| Message {
            message_id: 1,
            text,
            sender_id: 7,
            ..Message::default()
        };
        // Whoever asks for many gets as many of the longest.
        let messages = match asked.limit {
            0 => vec![message("Hola".into())],
            many => vec![message("€".repeat(4096)); usize::try_from(many).unwrap()],
        };
        Ok(Response::new(GetChatMessagesResponse { messages }))
    }

    async fn get_chat_users(
        &self,
        request: Request<GetChatUsersRequest>,
    ) -> Result<Response<GetChatUsersResponse>, Status> {
        self.0.note("GetChatUsers", &request)?;
        known(request.into_inner().chat_id)?;
        Ok(Response::new(GetChatUsersResponse {
            participants: vec![Participant {
                participant_id: 7,
                name: "Agente 1".into(),
                guest: false,
            }],
        }))
    }

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        self.0.note("SendMessage", &request)?;
        let asked = request.into_inner();
        known(asked.chat_id)?;
        Ok(Response::new(SendMessageResponse {
            message: Some(Message {
                message_id: 2,
                chat_id: asked.chat_id,
                text: asked.text,
                sender_id: 7,
                ..Message::default()
            }),
        }))
    }

    async fn mark_as_read(
        &self,
        request: Request<MarkAsReadRequest>,
    ) -> Result<Response<MarkAsReadResponse>, Status> {
        self.0.note("MarkAsRead", &request)?;
        let asked = request.into_inner();
        known(asked.chat_id)?;
        if asked.message_id > 2 {
            return Err(wrong("id_message", "NOT_REGISTERED"));
        }
        Ok(Response::new(MarkAsReadResponse {}))
    }
}

fn guest(name: String, email: String) -> Guest {
    Guest {
        guest_id: 12,
        name,
        email,
        phone: PHONE.into(),
        company_id: 3,
    }
}

#[tonic::async_trait]
impl GuestService for Fake {
    async fn store_guest(
        &self,
        request: Request<StoreGuestRequest>,
    ) -> Result<Response<StoreGuestResponse>, Status> {
        self.0.note("StoreGuest", &request)?;
        let asked = request.into_inner();
        if asked.phone != PHONE {
            return Err(wrong("phone", "INVALID"));
        }
        Ok(Response::new(StoreGuestResponse {
            guest: Some(guest(asked.name, asked.email)),
            token: "guest-token-123".into(),
        }))
    }

    async fn get_guest_by_phone(
        &self,
        request: Request<GetGuestByPhoneRequest>,
    ) -> Result<Response<GetGuestByPhoneResponse>, Status> {
        self.0.note("GetGuestByPhone", &request)?;
        if request.into_inner().phone != PHONE {
            return Err(refusal(ErrorCode::NotFound, "GUEST_UNKNOWN"));
        }
        Ok(Response::new(GetGuestByPhoneResponse {
            guest: Some(guest("Cliente WAP".into(), String::new())),
            token: "guest-token-123".into(),
        }))
    }
}
