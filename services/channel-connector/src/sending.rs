//! Writing to people on behalf of API clients: the channel and the recipient are
//! checked here, the message is conversation's, and it comes back as a request to
//! send.

pub(crate) mod rpc;
mod store;
mod text;

use std::time::Duration;

use auth::{Caller, ChannelId, ClientId, ServiceTokens, UserId};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use chassis::{Upstream, config::Secret};
use idempotency::{Asked, Claim, Slot};
use prost::Message;
use proto::{
    channel::v1::{SendTelegramResponse, SendWhatsAppResponse},
    conversation::v1::{
        GuestIdentity, IdentityKind, StartMessageRequest, chat_service_client::ChatServiceClient,
    },
};
use sqlx::PgPool;
use tonic::{Code, Status};

use crate::{
    channels::{Channels, Credentials},
    error::{Error, Result},
    media,
    providers::{bot_number, whatsapp::takes_caption},
};

const CALL: Duration = Duration::from_secs(15);

/// The longest text of one message, in characters.
const LONGEST_TEXT: usize = 4096;

/// The most pieces a long text is sent in.
const MOST_PIECES: usize = 16;

/// The most messages handed out at once.
const HANDED_OUT: i64 = 500;

/// What a caller wants to be written on WhatsApp.
pub(crate) struct WhatsAppMessage {
    pub(crate) channel: ChannelId,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) guest_token: String,
    pub(crate) file: Bytes,
}

/// What a caller wants to be written on Telegram.
pub(crate) struct TelegramText {
    pub(crate) bot_token: Secret,
    pub(crate) chat: String,
    pub(crate) text: String,
    pub(crate) user: UserId,
}

/// A message as conversation stored it.
pub(crate) struct Started {
    pub(crate) message_id: i64,
    pub(crate) chat_id: i64,
}

/// One incoming text of a bot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HandedOut {
    pub(crate) chat: String,
    pub(crate) text: String,
}

/// Sending on behalf of callers. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Sending {
    pub(crate) pool: PgPool,
    pub(crate) channels: Channels,
    pub(crate) conversation: Upstream,
    pub(crate) tokens: ServiceTokens,
}

impl Sending {
    /// Queues a message on WhatsApp; audio and stickers, which have no caption, are followed by
    /// their text.
    pub(crate) async fn whatsapp(
        &self,
        caller: &Caller,
        message: WhatsAppMessage,
        keyed: Option<Asked>,
    ) -> Result<SendWhatsAppResponse> {
        let channel = self.whatsapp_channel(caller, message.channel).await?;
        let to = text::phone(&message.to)
            .ok_or_else(|| Error::field("to", "INVALID", "a phone number has 7 to 15 digits"))?;
        let length = message.text.chars().count();
        if length == 0 && message.file.is_empty() {
            return Err(Error::field("message", "REQUIRED", "the message is empty"));
        }
        if length > LONGEST_TEXT {
            return Err(Error::field(
                "message",
                "TOO_LONG",
                "at most 4096 characters",
            ));
        }
        if !message.file.is_empty() {
            media::check(&message.file)?;
        }
        let slot = match self.reserve(keyed).await? {
            Claim::Answered(answer) => return Ok(answer),
            Claim::Taken(slot) => slot,
        };
        let key = name_of(&slot);
        let (media_filename, captionless) = if message.file.is_empty() {
            (String::new(), false)
        } else {
            let now = self.channels.clock.now();
            let file = &message.file;
            let kept =
                media::keep(&self.pool, channel.company, channel.id, &key, file, now).await?;
            (kept.filename, !takes_caption(kept.mime))
        };
        let sender = caller.user.as_ref().map(|user| user.id);
        let recipient = identity(IdentityKind::WaPhone, to);
        let start = |text: String, media_filename: String, key: String| StartMessageRequest {
            company_id: channel.company.0,
            channel_id: channel.id.0,
            channel_type: channel.kind.name().to_owned(),
            recipient: Some(recipient.clone()),
            guest_token: message.guest_token.clone(),
            sender_user_id: UserId::or_zero(sender),
            text,
            media_filename,
            idempotency_key: key,
        };
        let started = if captionless && length > 0 {
            let file = start(String::new(), media_filename, key.clone());
            let started = self.start(file).await?;
            let key = if slot.is_keyed() {
                format!("{key}:text")
            } else {
                key
            };
            self.start(start(message.text.clone(), String::new(), key))
                .await?;
            started
        } else {
            self.start(start(message.text.clone(), media_filename, key))
                .await?
        };
        let answer = SendWhatsAppResponse {
            message_id: started.message_id,
            chat_id: started.chat_id,
        };
        self.settle(&slot, &answer).await?;
        Ok(answer)
    }

    /// Takes the key of a request at once: what it asks of conversation has a name of
    /// its own, so a repetition goes on where an earlier try ended.
    async fn reserve<A: Message + Default>(&self, keyed: Option<Asked>) -> Result<Claim<A>> {
        let Channels { keys, clock, .. } = &self.channels;
        let mut db = self.pool.acquire().await?;
        Ok(keys.claim(&mut db, clock.now(), keyed).await?)
    }

    async fn settle(&self, slot: &Slot, answer: &impl Message) -> Result<()> {
        let mut db = self.pool.acquire().await?;
        Ok(self.channels.keys.settle(&mut db, slot, answer).await?)
    }

    async fn whatsapp_channel(
        &self,
        caller: &Caller,
        id: ChannelId,
    ) -> Result<crate::channels::Channel> {
        let refused =
            |description: &str| Error::field("whatsapp_channel", "NOT_REGISTERED", description);
        let channel = match self.channels.get(caller.scope(), id).await {
            Err(Error::UnknownChannel) => return Err(refused("no such channel")),
            other => other?,
        };
        if !channel.kind.is_whatsapp() {
            return Err(refused("the channel is none of WhatsApp"));
        }
        if !channel.active {
            return Err(Error::field(
                "whatsapp_channel",
                "INACTIVE",
                "the channel is switched off",
            ));
        }
        Ok(channel)
    }

    /// Queues a text on Telegram, in pieces when it is long.
    pub(crate) async fn telegram(
        &self,
        caller: &Caller,
        message: TelegramText,
        keyed: Option<Asked>,
    ) -> Result<SendTelegramResponse> {
        let bot = self.bot(caller, &message.bot_token, true).await?.channel;
        let chat: i64 = message
            .chat
            .trim()
            .parse()
            .ok()
            .filter(|chat| *chat != 0)
            .ok_or_else(|| Error::field("id_chat", "INVALID", "a chat of Telegram is a number"))?;
        if message.text.trim().is_empty() {
            return Err(Error::field("message", "REQUIRED", "the message is empty"));
        }
        let pieces = text::split(&message.text, LONGEST_TEXT);
        if pieces.len() > MOST_PIECES {
            return Err(Error::field(
                "message",
                "TOO_LONG",
                "at most 16 times 4096 characters",
            ));
        }
        let slot = match self.reserve(keyed).await? {
            Claim::Answered(answer) => return Ok(answer),
            Claim::Taken(slot) => slot,
        };
        let recipient = identity(IdentityKind::Telegram, chat.to_string());
        let mut started = Vec::with_capacity(pieces.len());
        for (number, piece) in pieces.iter().enumerate() {
            let key = if slot.is_keyed() {
                format!("{}:{number}", slot.id)
            } else {
                String::new()
            };
            let request = StartMessageRequest {
                company_id: bot.company.0,
                channel_id: bot.id.0,
                channel_type: bot.kind.name().to_owned(),
                recipient: Some(recipient.clone()),
                guest_token: String::new(),
                sender_user_id: message.user.0,
                text: (*piece).to_owned(),
                media_filename: String::new(),
                idempotency_key: key,
            };
            started.push(self.start(request).await?);
        }
        let answer = SendTelegramResponse {
            chat_id: started.first().map_or(0, |first| first.chat_id),
            message_ids: started.iter().map(|piece| piece.message_id).collect(),
        };
        self.settle(&slot, &answer).await?;
        Ok(answer)
    }

    /// Hands out the messages of a bot that this API client has not been given yet.
    pub(crate) async fn read_telegram(
        &self,
        caller: &Caller,
        bot_token: &Secret,
    ) -> Result<Vec<HandedOut>> {
        let bot = self.bot(caller, bot_token, false).await?.channel;
        let client = caller
            .client
            .as_ref()
            .map_or(ClientId(0), |client| client.id);
        store::hand_out(&self.pool, client, bot.id, HANDED_OUT).await
    }

    /// The bot of a token, which must be within the caller's reach; without a token the only
    /// active one of the caller's company.
    async fn bot(&self, caller: &Caller, token: &Secret, must_be_on: bool) -> Result<Credentials> {
        let refused =
            |reason, description: &str| Err(Error::field("bot_token", reason, description));
        let text = token.expose().trim();
        if text.is_empty() {
            let Some(company) = caller.home_company() else {
                return refused("REQUIRED", "the caller has no company of its own");
            };
            let bots = self
                .channels
                .bots(caller.scope(), Some(company), None)
                .await?;
            let mut bots = bots.into_iter();
            return match (bots.next(), bots.next()) {
                (Some(bot), None) => Ok(bot),
                (None, _) => refused("REQUIRED", "the company has no active bot"),
                (Some(_), Some(_)) => refused("AMBIGUOUS", "the company has several bots"),
            };
        }
        let unknown = "no bot of the company has this token";
        let Some(number) = bot_number(text) else {
            return refused("NOT_REGISTERED", unknown);
        };
        let bots = self
            .channels
            .bots(caller.scope(), None, Some(number))
            .await?;
        let same = |bot: &Credentials| {
            bot.app.as_ref().is_some_and(|app| {
                verify_slices_are_equal(app.expose().as_bytes(), text.as_bytes()).is_ok()
            })
        };
        match bots.into_iter().find(same) {
            None => refused("NOT_REGISTERED", unknown),
            Some(bot) if must_be_on && !bot.channel.active => {
                refused("INACTIVE", "the bot is switched off")
            }
            Some(bot) => Ok(bot),
        }
    }

    async fn start(&self, request: StartMessageRequest) -> Result<Started> {
        let call = self
            .tokens
            .call(CALL)
            .await
            .map_err(|status| away(&status))?;
        let answer = ChatServiceClient::new(self.conversation.clone())
            .start_message(call.request(request))
            .await
            .map_err(|status| match status.code() {
                Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::AlreadyExists
                | Code::NotFound => Error::Refused(Box::new(status)),
                _ => away(&status),
            })?;
        let message = answer.into_inner().message.unwrap_or_default();
        Ok(Started {
            message_id: message.message_id,
            chat_id: message.chat_id,
        })
    }
}

fn away(status: &Status) -> Error {
    tracing::warn!(code = ?status.code(), "conversation does not take a message");
    Error::Away("conversation")
}

fn identity(kind: IdentityKind, value: String) -> GuestIdentity {
    GuestIdentity {
        kind: kind.into(),
        value,
    }
}

/// What others know a request by; empty when it has no key and cannot come again.
fn name_of(slot: &Slot) -> String {
    if slot.is_keyed() {
        slot.id.to_string()
    } else {
        String::new()
    }
}
