//! ChatService: what agents do with chats, and what the connector starts.

use auth::{Caller, ChannelId, ChatId, CompanyId, DepartmentId, MessageId, UserId};
use chassis::crash;
use idempotency::{Asked, Begun};
use postgres::Page;
use proto::{
    common::v1::{PageInfo, PageRequest},
    conversation::v1::{
        self as wire, CanAccessChatRequest, CanAccessChatResponse, GetChatMessagesRequest,
        GetChatMessagesResponse, GetChatUsersRequest, GetChatUsersResponse, ListChatUsersRequest,
        ListChatUsersResponse, ListChatsRequest, ListChatsResponse, MarkAsReadRequest,
        MarkAsReadResponse, SendMessageRequest, SendMessageResponse, StartMessageRequest,
        StartMessageResponse, chat_service_server::ChatService,
    },
};
use tonic::{Request, Response, Status};

use super::{Member, Summary, Viewer};
use crate::{
    CONNECTOR,
    agents::{self, Agent},
    chats,
    error::Error,
    guests::{self, Identity, IdentityKind},
    messages::{self, Outgoing, Start, storable},
    wiring::Wiring,
};

/// The most rows of a list without pages.
const CAP: u32 = 1000;

/// Answers ChatService.
pub(crate) struct ChatDesk(pub(crate) Wiring);

#[tonic::async_trait]
impl ChatService for ChatDesk {
    async fn list_chats(
        &self,
        request: Request<ListChatsRequest>,
    ) -> Result<Response<ListChatsResponse>, Status> {
        let viewer = Viewer::of(auth::caller(&request)?)?;
        let request = request.into_inner();
        let page = page_of(request.page);
        let mut db = self.0.pool.acquire().await.map_err(Error::from)?;
        let name = storable(&request.name);
        let (chats, total) = chats::list(&mut db, &viewer, &name, page).await?;
        Ok(Response::new(ListChatsResponse {
            chats: chats.into_iter().map(encode_chat).collect(),
            page: Some(info(page, total)),
        }))
    }

    async fn list_chat_users(
        &self,
        request: Request<ListChatUsersRequest>,
    ) -> Result<Response<ListChatUsersResponse>, Status> {
        let viewer = Viewer::of(auth::caller(&request)?)?;
        let request = request.into_inner();
        let page = page_of(request.page);
        let name = storable(&request.name);
        let mut db = self.0.pool.acquire().await.map_err(Error::from)?;
        let (users, total) = agents::list(&mut db, &viewer, &name, page).await?;
        Ok(Response::new(ListChatUsersResponse {
            users: users.into_iter().map(encode_user).collect(),
            page: Some(info(page, total)),
        }))
    }

    async fn get_chat_messages(
        &self,
        request: Request<GetChatMessagesRequest>,
    ) -> Result<Response<GetChatMessagesResponse>, Status> {
        let viewer = Viewer::of(auth::caller(&request)?)?;
        let request = request.into_inner();
        let before = MessageId::present(request.before_message_id);
        let mut db = self.0.pool.acquire().await.map_err(Error::from)?;
        let chat = ChatId(request.chat_id);
        let messages = messages::page(&mut db, &viewer, chat, before, request.limit).await?;
        Ok(Response::new(GetChatMessagesResponse {
            messages: messages.iter().map(messages::encode).collect(),
        }))
    }

    async fn get_chat_users(
        &self,
        request: Request<GetChatUsersRequest>,
    ) -> Result<Response<GetChatUsersResponse>, Status> {
        let viewer = Viewer::of(auth::caller(&request)?)?;
        let mut db = self.0.pool.acquire().await.map_err(Error::from)?;
        let chat = chats::visible(&mut db, &viewer, ChatId(request.get_ref().chat_id)).await?;
        let members = chats::members(&mut db, &chat).await?;
        Ok(Response::new(GetChatUsersResponse {
            participants: members.into_iter().map(encode_member).collect(),
        }))
    }

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.send_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn start_message(
        &self,
        request: Request<StartMessageRequest>,
    ) -> Result<Response<StartMessageResponse>, Status> {
        check_connector(auth::caller(&request)?)?;
        let start = decode_start(request.into_inner())?;
        let mut tx = self.0.begin().await?;
        let message = messages::start(&mut tx, &self.0, &start).await?;
        tx.commit().await.map_err(Error::from)?;
        crash::point("send.committed");
        Ok(Response::new(StartMessageResponse {
            message: Some(messages::encode(&message)),
        }))
    }

    async fn mark_as_read(
        &self,
        request: Request<MarkAsReadRequest>,
    ) -> Result<Response<MarkAsReadResponse>, Status> {
        let viewer = Viewer::of(auth::caller(&request)?)?;
        let request = request.into_inner();
        let (chat, message) = (ChatId(request.chat_id), MessageId(request.message_id));
        let mut tx = self.0.begin().await?;
        let now = self.0.clock.now();
        chats::mark_read(&mut tx, &self.0.outbox, &viewer, chat, message, now).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok(Response::new(MarkAsReadResponse {}))
    }

    async fn can_access_chat(
        &self,
        request: Request<CanAccessChatRequest>,
    ) -> Result<Response<CanAccessChatResponse>, Status> {
        let viewer = Viewer::of(auth::caller(&request)?)?;
        let mut db = self.0.pool.acquire().await.map_err(Error::from)?;
        let chat = ChatId(request.get_ref().chat_id);
        let allowed = match chats::visible(&mut db, &viewer, chat).await {
            Ok(_) => true,
            Err(Error::Invalid(_)) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(Response::new(CanAccessChatResponse { allowed }))
    }
}

impl ChatDesk {
    async fn send_once(
        &self,
        caller: &Caller,
        request: SendMessageRequest,
    ) -> Result<SendMessageResponse, Error> {
        let viewer = Viewer::of(caller)?;
        let Wiring { pool, keys, .. } = &self.0;
        let keyed = Asked::new(caller, "SendMessage", &request.idempotency_key, &request)?;
        let outgoing = Outgoing {
            chat: ChatId(request.chat_id),
            text: storable(&request.text),
        };
        let mut work = match keys.begin(pool, self.0.clock.now(), keyed).await? {
            // Its own words, even if the chat has become part of another one.
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let message = messages::send(work.db(), &self.0, &viewer, &outgoing).await?;
        let answer = SendMessageResponse {
            message: Some(messages::encode(&message)),
        };
        work.commit(&answer).await?;
        crash::point("send.committed");
        Ok(answer)
    }
}

fn check_connector(caller: &Caller) -> Result<(), Error> {
    if caller.is_service(CONNECTOR) {
        return Ok(());
    }
    Err(Error::OnlyFor(CONNECTOR))
}

fn decode_start(request: StartMessageRequest) -> Result<Start, Error> {
    let company = CompanyId::present(request.company_id)
        .ok_or_else(|| Error::field("company_id", "INVALID", "a channel belongs to a company"))?;
    let channel = ChannelId::present(request.channel_id)
        .ok_or_else(|| Error::field("channel_id", "INVALID", "a channel is needed"))?;
    let recipient = request.recipient.unwrap_or_default();
    let (kind, value) = guests::decode_identity(&recipient)
        .filter(|(kind, _)| IdentityKind::reachable_on(&request.channel_type).contains(kind))
        .ok_or_else(|| {
            let description = "the channel does not deliver to names of this kind";
            Error::field("to", "INVALID", description)
        })?;
    let recipient = Identity::written(kind, value).ok_or_else(|| {
        let field = match kind {
            IdentityKind::Telegram => "id_chat",
            _ => "to",
        };
        Error::field(field, "INVALID", "the recipient is not one")
    })?;
    Ok(Start {
        company,
        channel,
        channel_type: request.channel_type,
        recipient,
        guest_token: request.guest_token,
        sender: UserId(request.sender_user_id),
        text: storable(&request.text),
        media_filename: storable(&request.media_filename),
        key: request.idempotency_key,
    })
}

fn page_of(page: Option<PageRequest>) -> Page {
    let page = page.unwrap_or_default();
    Page::new(page.page, page.per_page, page.unpaged, CAP)
}

fn info(page: Page, total: i64) -> PageInfo {
    PageInfo {
        page: page.number,
        per_page: page.rows,
        total: u64::try_from(total).unwrap_or(0),
    }
}

fn encode_chat(chat: Summary) -> wire::Chat {
    wire::Chat {
        chat_id: chat.id.0,
        name: chat.name,
        last_message: chat.last_message,
        unread: chat.unread,
        assigned_user_id: UserId::or_zero(chat.assigned),
        channel_id: ChannelId::or_zero(chat.channel),
    }
}

fn encode_user(user: Agent) -> wire::ChatUser {
    wire::ChatUser {
        user_id: user.id.0,
        name: user.name,
        email: user.email,
        department_id: DepartmentId::or_zero(user.department),
    }
}

fn encode_member(member: Member) -> wire::Participant {
    wire::Participant {
        participant_id: member.id,
        name: member.name,
        guest: member.guest,
    }
}
