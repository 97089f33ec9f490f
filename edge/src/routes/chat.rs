//! `/api/chat`: what agents do with chats.

use axum::response::Response;
use proto::conversation::v1::{
    GetChatMessagesRequest, GetChatUsersRequest, ListChatUsersRequest, ListChatsRequest,
    MarkAsReadRequest, SendMessageRequest, chat_service_client::ChatServiceClient,
};
use serde::Serialize;
use serde_json::json;

use super::ids;
use crate::{
    envelope::{DONE, Page},
    errors::{Failure, Wording},
    exchange::{Exchange, LARGEST_ANSWER, with_total},
    input::{Check, Paging},
};

/// The longest message of a chat.
const LONGEST_TEXT: usize = 4096;

const UNKNOWN_CHAT: &str = "El id_chat no se encuentra registrado.";
const UNKNOWN_MESSAGE: &str = "El id_message no se encuentra registrado.";

const WORDING: Wording = Wording::GENERAL.fields(&[
    ("id_chat", "", UNKNOWN_CHAT),
    ("id_message", "", UNKNOWN_MESSAGE),
]);

/// All rows at once stand inside another `data`.
#[derive(Serialize)]
struct Unpaged<T> {
    data: Vec<T>,
}

#[derive(Serialize)]
struct ChatRow {
    id_chat: String,
    name: String,
    last_message: String,
    unread: i64,
}

#[derive(Serialize)]
struct UserRow {
    id: i64,
    name: String,
    email: String,
}

#[derive(Serialize)]
struct MessageRow {
    id_message: String,
    text: String,
    sender_id: i64,
    /// What the files are read by; the documents know messages without files only.
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
}

#[derive(Serialize)]
struct ParticipantRow {
    id: i64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
}

#[derive(Serialize)]
struct Sent<'a> {
    id_message: String,
    id_chat: String,
    message: &'a str,
    sender_id: i64,
}

fn client(exchange: &Exchange) -> ChatServiceClient<chassis::Upstream> {
    ChatServiceClient::new(exchange.app.upstreams.conversation.clone())
        .max_decoding_message_size(LARGEST_ANSWER)
}

/// A chat that is not written as one is as unknown as one that does not exist.
fn chat_id(check: &mut Check<'_>) -> i64 {
    let text = check.field("id_chat").required().text(64);
    let id = ids::read_chat(&text);
    if id.is_none() && !text.is_empty() {
        check.fail("id_chat", UNKNOWN_CHAT);
    }
    id.unwrap_or_default()
}

fn message_id(check: &mut Check<'_>) -> i64 {
    let text = check.field("id_message").required().text(64);
    let id = ids::read_message(&text);
    if id.is_none() && !text.is_empty() {
        check.fail("id_message", UNKNOWN_MESSAGE);
    }
    id.unwrap_or_default()
}

/// POST chat/list.
pub async fn list(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = check.paging(Paging::Required);
    check.object("filters");
    let name = check.field("filters.name").text(191);
    check.done()?;

    let asked = ListChatsRequest {
        page: Some(page),
        name,
    };
    let answer = client(&exchange)
        .list_chats(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let rows = answer.chats.into_iter().map(|chat| ChatRow {
        id_chat: ids::chat(chat.chat_id),
        name: chat.name,
        last_message: chat.last_message,
        unread: chat.unread,
    });
    let info = answer.page.unwrap_or_default();
    Ok(listed(&exchange, page.unpaged, &info, rows.collect()))
}

/// POST chat/listChatUsers.
pub async fn list_users(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let page = check.paging(Paging::Required);
    check.object("filters");
    let name = check.field("filters.name").text(191);
    check.done()?;

    let asked = ListChatUsersRequest {
        page: Some(page),
        name,
    };
    let answer = client(&exchange)
        .list_chat_users(exchange.call()?.request(asked))
        .await
        .map_err(|status| exchange.refused(&status, &WORDING))?
        .into_inner();
    let rows = answer.users.into_iter().map(|user| UserRow {
        id: user.user_id,
        name: user.name,
        email: user.email,
    });
    let info = answer.page.unwrap_or_default();
    Ok(listed(&exchange, page.unpaged, &info, rows.collect()))
}

fn listed<T: Serialize>(
    exchange: &Exchange,
    unpaged: bool,
    info: &proto::common::v1::PageInfo,
    rows: Vec<T>,
) -> Response {
    if unpaged {
        with_total(exchange.answer(DONE, &Unpaged { data: rows }), info.total)
    } else {
        exchange.answer(DONE, &Page::new(info, rows))
    }
}

/// POST chat/getChatMessages. Older messages are read with `before_id`.
pub async fn messages(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    let before = check.field("before_id").text(64);
    let before_message_id = ids::read_message(&before);
    if before_message_id.is_none() && !before.is_empty() {
        check.fail("before_id", "El before_id no se encuentra registrado.");
    }
    let limit = check.field("limit").integer(1..=1000);
    check.done()?;

    let asked = GetChatMessagesRequest {
        chat_id,
        before_message_id: before_message_id.unwrap_or_default(),
        limit: u32::try_from(limit).unwrap_or_default(),
    };
    let answer = client(&exchange)
        .get_chat_messages(exchange.call()?.request(asked))
        .await
        .map_err(|status| unknown_chat(&exchange, &status))?
        .into_inner();
    let rows = answer.messages.into_iter().map(|message| MessageRow {
        id_message: ids::message(message.message_id),
        text: message.text,
        sender_id: message.sender_id,
        file: message.media_filename,
    });
    let messages: Vec<MessageRow> = rows.collect();
    Ok(exchange.answer(DONE, &json!({ "messages": messages })))
}

/// POST chat/getChatUsers.
pub async fn users(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    check.done()?;

    let asked = GetChatUsersRequest { chat_id };
    let answer = client(&exchange)
        .get_chat_users(exchange.call()?.request(asked))
        .await
        .map_err(|status| unknown_chat(&exchange, &status))?
        .into_inner();
    let rows = answer
        .participants
        .into_iter()
        .map(|participant| ParticipantRow {
            id: participant.participant_id,
            name: participant.name,
            r#type: participant.guest.then_some("guest"),
        });
    let users: Vec<ParticipantRow> = rows.collect();
    Ok(exchange.answer(DONE, &json!({ "users": users })))
}

/// POST chat/sendChatMessage.
pub async fn send(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let chat_id = chat_id(&mut check);
    let text = check.field("message").required().text(LONGEST_TEXT);
    let idempotency_key = exchange.idempotency_key(&mut check);
    check.done()?;

    let asked = SendMessageRequest {
        chat_id,
        text,
        idempotency_key,
    };
    let answer = client(&exchange)
        .send_message(exchange.call()?.request(asked))
        .await
        .map_err(|status| unknown_chat(&exchange, &status))?
        .into_inner();
    let message = answer.message.unwrap_or_default();
    let data = Sent {
        id_message: ids::message(message.message_id),
        id_chat: ids::chat(message.chat_id),
        message: &message.text,
        sender_id: message.sender_id,
    };
    Ok(exchange.answer("Mensaje enviado.", &data))
}

/// POST chat/markAsReadMessage.
pub async fn mark_as_read(exchange: Exchange) -> Result<Response, Failure> {
    let mut check = exchange.check();
    let message_id = message_id(&mut check);
    let chat_id = chat_id(&mut check);
    check.done()?;

    let asked = MarkAsReadRequest {
        chat_id,
        message_id,
    };
    client(&exchange)
        .mark_as_read(exchange.call()?.request(asked))
        .await
        .map_err(|status| unknown_chat(&exchange, &status))?;
    let data = json!({
        "id_message": ids::message(message_id),
        "id_chat": ids::chat(chat_id),
        "status": "read",
    });
    Ok(exchange.answer("Mensaje marcado como leido.", &data))
}

/// A chat that the user does not see is a wrong field on these routes, not a 404.
fn unknown_chat(exchange: &Exchange, status: &tonic::Status) -> Failure {
    if status.code() == tonic::Code::NotFound {
        Failure::field("id_chat", UNKNOWN_CHAT)
    } else {
        exchange.refused(status, &WORDING)
    }
}
