//! The bots of Synology Chat that may call us, and what we do for whoever writes to
//! one.

mod chat;
mod crowd;
pub(crate) mod rpc;
mod store;

use std::{sync::Arc, time::Duration};

use auth::ServiceTokens;
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use chassis::{Clock, ErrorCode, FieldViolation, Upstream, code::refusal, config::Secret};
use proto::identity::v1::{
    BindSynologyIdRequest, internal_user_service_client::InternalUserServiceClient,
};
use sealing::Sealer;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use crate::error::Error;

use self::{chat::Chat, crowd::Crowd};

/// How long identity may take.
const BINDING: Duration = Duration::from_secs(5);

/// The longest login, in characters.
const LONGEST_LOGIN: usize = 191;

/// A bot that may call.
struct Bot {
    id: i64,
    /// Where its answers go: the address of the Synology and the sealed token.
    answers: Option<(String, Vec<u8>)>,
}

/// What somebody wrote to a bot.
struct Message {
    token: Secret,
    writer: i64,
    login: String,
}

/// What was done for the writer.
struct Done {
    login: String,
    changed: bool,
    /// What Synology Chat said to the answer, as JSON text.
    said: String,
}

/// Answers bots. Cloning shares everything.
#[derive(Clone)]
pub(crate) struct Bots {
    pool: PgPool,
    sealer: Sealer,
    clock: Clock,
    identity: Upstream,
    tokens: ServiceTokens,
    chat: Chat,
    crowd: Arc<Crowd>,
}

impl Bots {
    pub(crate) fn new(
        pool: PgPool,
        sealer: Sealer,
        clock: Clock,
        identity: Upstream,
        tokens: ServiceTokens,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            pool,
            sealer,
            clock,
            identity,
            tokens,
            chat: Chat::new()?,
            crowd: Arc::default(),
        })
    }

    /// Binds the writer to the internal user with the login, and tells the writer.
    async fn handle(&self, message: &Message) -> Result<Done, Error> {
        if message.token.is_empty() {
            return Err(wrong("token", "REQUIRED"));
        }
        let bot = self.recognise(&message.token).await?;
        if message.writer < 1 {
            return Err(wrong("user_id", "INVALID"));
        }
        if message.login.is_empty() {
            return Err(wrong("username", "REQUIRED"));
        }
        if message.login.chars().count() > LONGEST_LOGIN {
            return Err(wrong("username", "TOO_LONG"));
        }
        self.crowd
            .admit((bot.id, message.writer), self.clock.unix_seconds())
            .map_err(Error::TooMany)?;
        let (login, changed) = match self.bind(message).await {
            Ok(bound) => bound,
            Err(Error::UnknownLogin) => {
                let text = format!("No se encontró el usuario {}.", message.login);
                self.tell(&bot, message.writer, &text).await?;
                return Err(Error::UnknownLogin);
            }
            Err(error) => return Err(error),
        };
        let text = format!("Usuario {login} actualizado.");
        let said = self.tell(&bot, message.writer, &text).await?;
        Ok(Done {
            login,
            changed,
            said,
        })
    }

    /// The bot with the token. All are compared, each in the same time, so that how
    /// long it takes says nothing.
    async fn recognise(&self, token: &Secret) -> Result<Bot, Error> {
        let token = digest(&SHA256, token.expose().as_bytes());
        let mut found = None;
        for (known, bot) in store::active(&self.pool).await? {
            if verify_slices_are_equal(&known, token.as_ref()).is_ok() {
                found = Some(bot);
            }
        }
        found.ok_or(Error::UnknownBot)
    }

    /// Has identity note who the writer is; answers the login and whether that was
    /// news.
    async fn bind(&self, message: &Message) -> Result<(String, bool), Error> {
        let call = self.tokens.call(BINDING).await.map_err(Error::Identity)?;
        let asked = call.request(BindSynologyIdRequest {
            login: message.login.clone(),
            synology_id: message.writer,
        });
        let mut identity = InternalUserServiceClient::new(self.identity.clone());
        match identity.bind_synology_id(asked).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let login = answer.user.map(|user| user.login);
                let login = login.unwrap_or_else(|| message.login.clone());
                Ok((login, answer.changed))
            }
            Err(status) => Err(match refusal(&status).code {
                ErrorCode::NotFound => Error::UnknownLogin,
                ErrorCode::AlreadyExists => Error::SynologyIdTaken,
                _ => Error::Identity(status),
            }),
        }
    }

    /// Writes to a user as the bot; answers what Synology Chat said.
    async fn tell(&self, bot: &Bot, user: i64, text: &str) -> Result<String, Error> {
        let Some((base, sealed)) = &bot.answers else {
            return Ok(chat::failure("the bot has no address for answers"));
        };
        let token = self.sealer.open_text(&place(bot.id), sealed)?;
        Ok(self.chat.write(base, &token, user, text).await)
    }
}

/// Adds a bot, unless its token is known.
pub async fn add_missing(
    db: &mut PgConnection,
    now: OffsetDateTime,
    name: &str,
    token: &Secret,
) -> Result<(), Error> {
    let token = digest(&SHA256, token.expose().as_bytes());
    store::insert(db, now, name, token.as_ref()).await?;
    Ok(())
}

/// Says where the answers of a bot go: the address of the Synology, and the token
/// of the bot there.
pub async fn answer_at(
    db: &mut PgConnection,
    sealer: &Sealer,
    bot: i64,
    base_url: &str,
    token: &Secret,
) -> Result<(), Error> {
    let closed = sealer.seal(&place(bot), token.expose().as_bytes())?;
    store::put_answers(db, bot, base_url, &closed).await?;
    Ok(())
}

/// Where the token of a bot's answers is stored.
fn place(bot: i64) -> String {
    format!("mail.synology_bot|{bot}|chatbot_token")
}

fn wrong(field: &'static str, reason: &'static str) -> Error {
    Error::Invalid(FieldViolation {
        field,
        reason,
        description: "must be given as documented".to_owned(),
    })
}
