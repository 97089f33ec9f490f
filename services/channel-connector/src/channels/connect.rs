//! Connecting a bot: the token is checked with Telegram, the channel stored, the
//! webhook registered.

use auth::{Caller, CompanyId};
use chassis::config::Secret;

use super::{
    Channel, ChannelType, Channels, Column, Credentials, NewChannel, input, own_scope, store,
};
use crate::{
    error::{Error, Result},
    providers::{self, CallError, bot_number},
};

/// A bot to connect.
pub(crate) struct NewBot {
    pub(crate) token: Secret,
    pub(crate) company: CompanyId,
    pub(crate) name: String,
}

impl Channels {
    /// Refuses callers who may not connect a bot, and what cannot be one.
    pub(crate) async fn may_connect(&self, caller: &Caller, bot: &NewBot) -> Result<()> {
        super::may_write(caller)?;
        self.companies
            .check(caller, bot.company, ChannelType::Telegram, "company")
            .await?;
        input::check_name(&bot.name)
    }

    /// The channel of a bot that Telegram knows, if there is one already.
    pub(crate) async fn known_bot(&self, bot: &NewBot) -> Result<Option<Credentials>> {
        let number = bot_number(bot.token.expose())
            .ok_or_else(|| refused_token("a bot token is digits, a colon and letters"))?;
        self.telegram.get_me(&bot.token).await.map_err(of_token)?;
        let held = self.bots(own_scope(), None, Some(number)).await?;
        match held.into_iter().next() {
            Some(held) if held.channel.company != bot.company => Err(Error::AccountTaken),
            held => Ok(held),
        }
    }

    /// Adds or updates the channel of a bot and has Telegram post its updates here. Doing it
    /// again keeps the secret of the webhook, so that no update in flight is refused.
    pub(crate) async fn connect_telegram(
        &self,
        bot: NewBot,
        held: Option<Credentials>,
    ) -> Result<Channel> {
        let credentials = if let Some(held) = held {
            self.reconnect(held, &bot.token, &bot.name).await?
        } else {
            let new = NewChannel {
                company: bot.company,
                name: bot.name,
                kind: ChannelType::Telegram,
                app: bot.token,
                token: Secret::default(),
                secret: Secret::default(),
                additional_app_id: String::new(),
            };
            let checked = input::check_new(&new)?;
            let row = self.seal_new(&new, &checked)?;
            let row = store::insert(&self.pool, &row, self.clock.now()).await?;
            self.open(row)?
        };
        self.directory.forget();
        self.register(&credentials).await.map_err(of_webhook)?;
        self.get(own_scope(), credentials.channel.id).await
    }

    /// The new token and name of a bot that is known; it is switched on.
    async fn reconnect(
        &self,
        held: Credentials,
        token: &Secret,
        name: &str,
    ) -> Result<Credentials> {
        let channel = &held.channel;
        let secret = match &held.secret {
            Some(secret) => secret.clone(),
            None => providers::random_secret()?,
        };
        let now = self.clock.now();
        let row = store::Row {
            id: channel.id.0,
            uuid: channel.uuid,
            company_id: channel.company.0,
            kind: channel.kind.name().to_owned(),
            name: name.trim().to_owned(),
            app_public: channel.app_public.clone(),
            app_sealed: self.seal(channel.company, channel.uuid, Column::App, token)?,
            token_sealed: None,
            secret_sealed: self.seal(channel.company, channel.uuid, Column::Secret, &secret)?,
            additional_app_id: channel.additional_app_id.clone(),
            active: true,
            health: String::new(),
            paused_until: None,
        };
        let mut transaction = self.pool.begin().await?;
        let row = store::update(&mut transaction, &row, true, now).await?;
        transaction.commit().await?;
        store::set_active(&self.pool, own_scope(), channel.id, true, now).await?;
        self.open(row)
    }

    /// Has Telegram post the updates of a bot to the address of its channel.
    async fn register(&self, bot: &Credentials) -> std::result::Result<(), CallError> {
        let (Some(token), Some(secret)) = (&bot.app, &bot.secret) else {
            return Err(CallError::NotSent("the channel has no token".into()));
        };
        let address = format!("{}/{}", self.telegram_webhook, bot.channel.uuid);
        self.telegram.set_webhook(token, &address, secret).await?;
        let info = self.telegram.webhook_info(token).await?;
        if let Err(error) = store::note_webhook(&self.pool, bot.channel.id, &info).await {
            tracing::warn!(%error, "what Telegram says of a webhook is not kept");
        }
        Ok(())
    }
}

/// Withdraws or sets the webhook of a bot that was switched off or on. A bot whose webhook was
/// never registered is left alone when it is switched off: there is nothing to withdraw.
pub(super) async fn follow_status(channels: &Channels, bot: &Credentials, active: bool) {
    let outcome = match (&bot.app, active) {
        (Some(_), true) => channels.register(bot).await,
        (Some(token), false) => channels.telegram.delete_webhook(token).await,
        (None, _) => Ok(()),
    };
    if let Err(error) = outcome {
        let channel = bot.channel.id.0;
        tracing::warn!(channel, active, %error, "the webhook of the bot was not changed");
    }
}

fn refused_token(description: impl Into<String>) -> Error {
    Error::field("bot_token", "INVALID", description)
}

/// What a failure of getMe says of the token.
fn of_token(error: CallError) -> Error {
    match error {
        CallError::Refused {
            status: 401 | 403 | 404,
            description,
            ..
        } => refused_token(format!("Telegram refuses the token: {description}")),
        other => away(other),
    }
}

/// What a failure of setWebhook says of our address.
fn of_webhook(error: CallError) -> Error {
    match error {
        CallError::Refused {
            status: 400,
            description,
            ..
        } => Error::WebhookRefused(description),
        other => of_token(other),
    }
}

fn away(error: CallError) -> Error {
    match error {
        CallError::Refused {
            retry_after: Some(wait),
            ..
        } => Error::Throttled(wait),
        other => {
            tracing::warn!(error = %other, "Telegram does not help");
            Error::Away("Telegram")
        }
    }
}
