//! What the fields of a channel must look like.

use chassis::config::Secret;

use super::{Change, ChannelType, Credentials, NewChannel};
use crate::{
    error::{Error, Result},
    providers::{self, bot_number},
};

const LONGEST_NAME: usize = 191;
const LONGEST_APP: usize = 191;
const LONGEST_SECRET: usize = 4096;

/// What a checked account stands for.
pub(super) struct Checked {
    pub(super) app_public: String,
    /// Empty unless the channel is a bot.
    pub(super) bot_token: Secret,
}

/// A channel after a change.
pub(super) struct Changed {
    pub(super) name: String,
    pub(super) kind: ChannelType,
    pub(super) app_public: String,
    pub(super) app: Option<Secret>,
    pub(super) token: Option<Secret>,
    pub(super) secret: Option<Secret>,
    pub(super) additional_app_id: String,
}

pub(super) fn check_new(new: &NewChannel) -> Result<Checked> {
    check_name(&new.name)?;
    let checked = check_app(new.kind, &new.app)?;
    check_token(new.kind, &new.token)?;
    check_secret("secret_key", &new.secret)?;
    check_additional(&new.additional_app_id)?;
    Ok(checked)
}

/// The channel that `held` becomes, or which field of the change is wrong.
pub(super) fn apply(held: &Credentials, change: Change) -> Result<Changed> {
    let channel = &held.channel;
    let kind = change.kind.unwrap_or(channel.kind);
    let name = change.name.unwrap_or_else(|| channel.name.clone());
    check_name(&name)?;
    let (app_public, app) = match &change.app {
        Some(app) => {
            let checked = check_app(kind, app)?;
            let token = (!checked.bot_token.is_empty()).then_some(checked.bot_token);
            (checked.app_public, token)
        }
        // The digits of a bot are no account of anybody else, and the other way round.
        None if (kind == ChannelType::Telegram) != (channel.kind == ChannelType::Telegram) => {
            return Err(Error::field(
                "app",
                "REQUIRED",
                "the new type needs its own account",
            ));
        }
        None => (channel.app_public.clone(), held.app.clone()),
    };
    let token = change.token.or_else(|| held.token.clone());
    check_token(kind, token.as_ref().unwrap_or(&Secret::default()))?;
    let secret = match change.secret {
        Some(secret) => {
            check_secret("secret_key", &secret)?;
            // Telegram sends back what we registered; only connecting the bot again changes it.
            if kind == ChannelType::Telegram {
                held.secret.clone()
            } else {
                Some(secret)
            }
        }
        None => held.secret.clone(),
    };
    let secret = match (kind, secret) {
        (ChannelType::Telegram, None) => Some(providers::random_secret()?),
        (_, secret) => secret,
    };
    let additional_app_id = change
        .additional_app_id
        .unwrap_or_else(|| channel.additional_app_id.clone());
    check_additional(&additional_app_id)?;
    Ok(Changed {
        name: name.trim().to_owned(),
        kind,
        app_public,
        app,
        token,
        secret,
        additional_app_id,
    })
}

pub(super) fn check_name(name: &str) -> Result<()> {
    match name.trim().chars().count() {
        0 => Err(Error::field("name", "REQUIRED", "the name is empty")),
        1..=LONGEST_NAME if !name.contains('\0') => Ok(()),
        _ => Err(Error::field("name", "TOO_LONG", "at most 191 characters")),
    }
}

fn check_app(kind: ChannelType, app: &Secret) -> Result<Checked> {
    let text = app.expose().trim();
    if text.is_empty() {
        return Err(Error::field("app", "REQUIRED", "the account is empty"));
    }
    if text.len() > LONGEST_APP || text.chars().any(char::is_control) {
        return Err(Error::field(
            "app",
            "INVALID",
            "at most 191 printable characters",
        ));
    }
    if kind != ChannelType::Telegram {
        return Ok(Checked {
            app_public: text.to_owned(),
            bot_token: Secret::default(),
        });
    }
    let number = bot_number(text).ok_or_else(|| {
        Error::field(
            "app",
            "INVALID",
            "a bot token is digits, a colon and letters",
        )
    })?;
    Ok(Checked {
        app_public: number.to_owned(),
        bot_token: Secret::new(text),
    })
}

fn check_token(kind: ChannelType, token: &Secret) -> Result<()> {
    if kind != ChannelType::Telegram && token.is_empty() {
        return Err(Error::field(
            "token",
            "REQUIRED",
            "only Telegram needs no token",
        ));
    }
    check_secret("token", token)
}

fn check_secret(field: &'static str, secret: &Secret) -> Result<()> {
    let text = secret.expose();
    // It travels in a header, where nothing else is possible.
    if text.len() > LONGEST_SECRET || text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        return Err(Error::field(
            field,
            "INVALID",
            "at most 4096 printable ASCII characters",
        ));
    }
    Ok(())
}

fn check_additional(id: &str) -> Result<()> {
    if id.len() > LONGEST_APP || id.chars().any(char::is_control) {
        return Err(Error::field(
            "additional_app_id",
            "INVALID",
            "at most 191 printable characters",
        ));
    }
    Ok(())
}
