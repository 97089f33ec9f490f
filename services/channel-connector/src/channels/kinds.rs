//! What a channel is.

use std::fmt;

use auth::{ChannelId, CompanyId};
use chassis::config::Secret;
use time::OffsetDateTime;
use uuid::Uuid;

/// The documented set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ChannelType {
    Instagram,
    Messenger,
    Telegram,
    Webchat,
    Whatsapp,
    Whatsappfb,
}

impl ChannelType {
    const ALL: [Self; 6] = [
        Self::Instagram,
        Self::Messenger,
        Self::Telegram,
        Self::Webchat,
        Self::Whatsapp,
        Self::Whatsappfb,
    ];

    /// The documented name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instagram => "instagram",
            Self::Messenger => "messenger",
            Self::Telegram => "telegram",
            Self::Webchat => "webchat",
            Self::Whatsapp => "whatsapp",
            Self::Whatsappfb => "whatsappfb",
        }
    }

    /// The type of a documented name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Says whether it speaks WhatsApp, whoever provides it.
    pub(crate) fn is_whatsapp(self) -> bool {
        matches!(self, Self::Whatsapp | Self::Whatsappfb)
    }

    /// Says whether its webhooks are Meta's and signed by an app secret.
    pub(crate) fn is_meta(self) -> bool {
        self.is_whatsapp() || matches!(self, Self::Messenger | Self::Instagram)
    }
}

/// A channel without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) uuid: Uuid,
    pub(crate) company: CompanyId,
    pub(crate) kind: ChannelType,
    pub(crate) name: String,
    /// Names the account; for Telegram the digits of the token before the colon.
    pub(crate) app_public: String,
    pub(crate) additional_app_id: String,
    pub(crate) active: bool,
    pub(crate) needs_reauth: bool,
    pub(crate) paused_until: Option<OffsetDateTime>,
}

impl Channel {
    /// The account as it is shown: no more of a bot token than its number.
    pub(crate) fn shown_app(&self) -> String {
        match self.kind {
            ChannelType::Telegram => format!("{}:****", self.app_public),
            _ => self.app_public.clone(),
        }
    }

    /// `ok`, `needs_reauth` or `paused`.
    pub(crate) fn health(&self, now: OffsetDateTime) -> &'static str {
        if self.needs_reauth {
            "needs_reauth"
        } else if self.paused_until.is_some_and(|until| until > now) {
            "paused"
        } else {
            "ok"
        }
    }
}

/// A channel with its secrets opened. It does not print them.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) channel: Channel,
    /// The bot token of Telegram.
    pub(crate) app: Option<Secret>,
    /// The access token of the others.
    pub(crate) token: Option<Secret>,
    /// What proves a webhook: Meta's app secret, Telegram's secret header.
    pub(crate) secret: Option<Secret>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.channel).finish()
    }
}
