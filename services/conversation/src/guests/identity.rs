//! The names under which channels know a guest.

use auth::ChannelId;
use chassis::FieldViolation;

use crate::phone;

/// The longest name that is taken, in characters.
const LONGEST_VALUE: usize = 191;

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum IdentityKind {
    /// A WhatsApp number.
    WaPhone,
    /// A WhatsApp business-scoped user id.
    WaBsuid,
    /// The same of the parent portfolio.
    WaParentBsuid,
    /// A Messenger page-scoped id.
    Psid,
    /// An Instagram-scoped id.
    Igsid,
    /// A Telegram chat id.
    Telegram,
    /// A visitor of the web chat.
    Webchat,
    /// A mail address.
    Email,
}

impl IdentityKind {
    /// Whether the name means nothing beyond the provider account that gave it.
    fn is_of_channel(self) -> bool {
        match self {
            Self::Psid | Self::Igsid | Self::Telegram | Self::Webchat => true,
            Self::WaPhone | Self::WaBsuid | Self::WaParentBsuid | Self::Email => false,
        }
    }

    /// The kinds that the provider of a channel type delivers to, best first.
    pub(crate) fn reachable_on(channel_type: &str) -> &'static [Self] {
        match channel_type {
            "whatsapp" | "whatsappfb" => &[Self::WaPhone, Self::WaBsuid, Self::WaParentBsuid],
            "messenger" => &[Self::Psid],
            "instagram" => &[Self::Igsid],
            "telegram" => &[Self::Telegram],
            "webchat" => &[Self::Webchat],
            _ => &[],
        }
    }
}

/// A name of a guest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    /// What it is.
    pub(crate) kind: IdentityKind,
    /// The form that is compared.
    pub(crate) value: String,
    /// The form that the provider uses.
    pub(crate) address: String,
}

impl Identity {
    /// A name as a provider reported it.
    pub(crate) fn reported(kind: IdentityKind, said: &str) -> Result<Self, FieldViolation> {
        let address = said.replace('\0', "");
        let value = match kind {
            IdentityKind::WaPhone => {
                let digits = address.strip_prefix('+').unwrap_or(&address);
                phone::canonical(digits)
            }
            IdentityKind::Email => address.to_lowercase(),
            _ => address.clone(),
        };
        if value.is_empty() || value.chars().count() > LONGEST_VALUE {
            return Err(FieldViolation {
                field: "identities",
                reason: "INVALID",
                description: format!("an identity has 1 to {LONGEST_VALUE} characters"),
            });
        }
        Ok(Self {
            kind,
            value,
            address,
        })
    }

    /// A name as a person wrote it; telephone numbers in any usual writing.
    /// `None` when it cannot be one.
    pub(crate) fn written(kind: IdentityKind, text: &str) -> Option<Self> {
        if kind == IdentityKind::WaPhone {
            return phone::normalise(text).map(Self::phone);
        }
        Self::reported(kind, text.trim()).ok()
    }

    /// A normalised telephone number.
    pub(crate) fn phone(number: String) -> Self {
        Self {
            kind: IdentityKind::WaPhone,
            value: number.clone(),
            address: number,
        }
    }

    /// The channel within which the name is unique, 0 for the whole company.
    pub(crate) fn scope(&self, channel: ChannelId) -> i64 {
        if self.kind.is_of_channel() {
            channel.0
        } else {
            0
        }
    }

    /// What the guest is called when nobody said a name.
    pub(crate) fn as_name(&self) -> (NameRank, String) {
        let rank = match self.kind {
            IdentityKind::WaPhone | IdentityKind::Email => NameRank::Number,
            _ => NameRank::ProviderId,
        };
        (rank, self.value.clone())
    }
}

/// Where the name of a guest comes from, the worst source first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameRank {
    /// An id that only the provider understands.
    ProviderId = 1,
    /// A number or address.
    Number = 2,
    /// What the guest calls himself at the provider.
    Profile = 3,
    /// What the company stored.
    Stored = 4,
}

impl NameRank {
    /// The number in the database.
    pub(crate) fn number(self) -> i16 {
        match self {
            Self::ProviderId => 1,
            Self::Number => 2,
            Self::Profile => 3,
            Self::Stored => 4,
        }
    }
}
