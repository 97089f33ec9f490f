//! Names of channels: the only place where a name of the Pusher protocol is made
//! or read.
//!
//! A name on the wire is its kind and its logical name: nothing for public
//! channels, `private-` and `presence-` for the others. What clients do by the
//! prefix with its dash, they do here too, but a name without a prefix is public
//! only when its family is on a list: `privateuser.7` is no channel, however much
//! it looks like one.

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

/// The longest name the protocol knows.
const LONGEST: usize = 164;

/// The longest part of a name that a caller chooses.
const LONGEST_PART: usize = 64;

/// The families whose channels need no signature.
const PUBLIC_FAMILIES: [&str; 2] = ["publicchat.", "public."];

/// Short spellings of private families, and what they stand for.
const PRIVATE_ALIASES: [(&str, &str); 2] =
    [("user.", "privateuser."), ("client.", "privateclient.")];

/// Short spellings of presence families, and what they stand for.
const PRESENCE_ALIASES: [(&str, &str); 2] =
    [("chat.", "presencechat."), ("support.", "presencesupport.")];

/// A part of a target that is not well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} does not name a channel")]
pub struct BadPart {
    /// The field as the REST contract spells it.
    pub field: &'static str,
}

/// Why a name that a client asked for is no channel of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// It has characters that no name has, or too many.
    #[error("the channel name is not valid")]
    Malformed,
    /// It has no prefix and belongs to no public family.
    #[error("there is no public channel of that name")]
    NotPublic,
}

/// The name of a channel on the wire, in its one canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wire(Arc<str>);

impl Wire {
    /// A name that was made here once and then stored.
    pub fn recorded(name: &str) -> Self {
        Self(name.into())
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a channel is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Open to whoever knows the key of the app.
    Public,
    /// Signed.
    Private,
    /// Signed, and the server only passes ciphertext on.
    Encrypted,
    /// Signed, and the subscribers know one another.
    Presence,
    /// Of one signed-in user.
    ServerToUser,
}

/// What a publisher addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `publicchat.<name>`.
    PublicChat(String),
    /// `public.<name>`.
    PublicChannel(String),
    /// The private channel of a user.
    PrivateUser(i64),
    /// The private channel of a customer.
    PrivateClient(i64),
    /// The private channel of a customer with a user.
    ClientUser {
        /// The customer.
        customer: i64,
        /// The user.
        user: i64,
    },
    /// The presence room `presencechat.<name>`.
    PresenceChat(String),
    /// The presence room `presencesupport.<name>`.
    PresenceSupport(String),
}

impl Target {
    /// The room of a chat.
    pub fn chat_room(chat: i64) -> Self {
        Self::PresenceChat(format!("chat-{chat}"))
    }

    /// The documented name, which REST answers.
    pub fn logical(&self) -> Result<String, BadPart> {
        Ok(match self {
            Self::PublicChat(name) => format!("publicchat.{}", part("channel", name)?),
            Self::PublicChannel(name) => format!("public.{}", part("channel", name)?),
            Self::PrivateUser(user) => format!("privateuser.{}", id("user_id", *user)?),
            Self::PrivateClient(customer) => {
                format!("privateclient.{}", id("customer_id", *customer)?)
            }
            Self::ClientUser { customer, user } => {
                let (customer, user) = (id("customer_id", *customer)?, id("user_id", *user)?);
                format!("client.{customer}.{user}")
            }
            Self::PresenceChat(room) => format!("presencechat.{}", part("room_id", room)?),
            Self::PresenceSupport(room) => format!("presencesupport.{}", part("room_id", room)?),
        })
    }

    /// The name on the wire.
    pub fn wire(&self) -> Result<Wire, BadPart> {
        let logical = self.logical()?;
        let prefix = match self {
            Self::PublicChat(_) | Self::PublicChannel(_) => "",
            Self::PrivateUser(_) | Self::PrivateClient(_) | Self::ClientUser { .. } => "private-",
            Self::PresenceChat(_) | Self::PresenceSupport(_) => "presence-",
        };
        Ok(Wire(format!("{prefix}{logical}").into()))
    }

    /// Says whether subscribers of the target know one another.
    pub fn is_presence(&self) -> bool {
        matches!(self, Self::PresenceChat(_) | Self::PresenceSupport(_))
    }
}

/// A channel that a client asked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// As the client spelled it; frames to this client carry it, signatures are
    /// over it.
    pub spelled: Arc<str>,
    /// The canonical name.
    pub wire: Wire,
    /// How it is guarded.
    pub kind: Kind,
}

impl Requested {
    /// Reads a name from a client.
    pub fn read(name: &str) -> Result<Self, BadName> {
        if let Some(user) = name.strip_prefix("#server-to-user-") {
            return Self::server_to_user(name, user);
        }
        if name.len() > LONGEST || !name.bytes().all(is_of_a_name) {
            return Err(BadName::Malformed);
        }
        let (kind, canonical) = if let Some(logical) = name.strip_prefix("presence-") {
            (
                Kind::Presence,
                expand("presence-", logical, &PRESENCE_ALIASES),
            )
        } else if name.starts_with("private-encrypted-") {
            (Kind::Encrypted, None)
        } else if let Some(logical) = name.strip_prefix("private-") {
            (Kind::Private, expand("private-", logical, &PRIVATE_ALIASES))
        } else if is_public(name) {
            (Kind::Public, None)
        } else {
            return Err(BadName::NotPublic);
        };
        let spelled: Arc<str> = name.into();
        let wire = canonical.map_or_else(|| Wire(Arc::clone(&spelled)), |name| Wire(name.into()));
        Ok(Self {
            spelled,
            wire,
            kind,
        })
    }

    fn server_to_user(name: &str, user: &str) -> Result<Self, BadName> {
        if user.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
            return Err(BadName::Malformed);
        }
        Ok(Self {
            spelled: name.into(),
            wire: Wire(name.into()),
            kind: Kind::ServerToUser,
        })
    }

    /// Whose channel it is, as far as the documented families tell.
    pub fn owner(&self) -> Owner<'_> {
        let name = self.wire.as_str();
        if let Some(user) = name.strip_prefix("#server-to-user-") {
            return Owner::SignedIn(user);
        }
        if let Some(logical) = name.strip_prefix("presence-") {
            return match logical.split_once('.') {
                Some(("presencechat", room)) if is_part(room) => Owner::Room(room),
                _ => Owner::Unknown,
            };
        }
        let Some(logical) = name.strip_prefix("private-") else {
            return Owner::Unknown;
        };
        let mut parts = logical.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("privateuser"), Some(user), None, None) => {
                number(user).map_or(Owner::Unknown, Owner::User)
            }
            (Some("client"), Some(customer), Some(user), None) => number(customer)
                .and_then(|_| number(user))
                .map_or(Owner::Unknown, |user| Owner::ClientUser { user }),
            _ => Owner::Unknown,
        }
    }
}

/// Who may listen to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// The user of that id.
    User(i64),
    /// A customer and the user of that id.
    ClientUser {
        /// The user.
        user: i64,
    },
    /// Whoever belongs in the chat room of that name.
    Room(&'a str),
    /// Whoever signed in under that id on the socket.
    SignedIn(&'a str),
    /// None of the documented families says.
    Unknown,
}

/// The chat that a room belongs to: `Some(None)` for a name that looks like one
/// of a chat and can be none.
pub fn chat_of_room(room: &str) -> Option<Option<i64>> {
    let digits = room.strip_prefix("chat-")?;
    let looks_like_a_chat = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    looks_like_a_chat.then(|| number(digits))
}

/// The canonical spelling of an alias. `client.9` is one, `client.9.7` is the
/// documented channel of a customer with a user.
fn expand(prefix: &str, logical: &str, aliases: &[(&str, &str)]) -> Option<String> {
    aliases.iter().find_map(|(short, long)| {
        let rest = logical.strip_prefix(short)?;
        is_part(rest).then(|| format!("{prefix}{long}{rest}"))
    })
}

fn is_public(name: &str) -> bool {
    PUBLIC_FAMILIES
        .iter()
        .any(|family| name.strip_prefix(family).is_some_and(is_part))
}

/// A positive number as it is written, without leading zeros.
fn number(digits: &str) -> Option<i64> {
    let value: i64 = digits.parse().ok()?;
    (value > 0 && value.to_string() == digits).then_some(value)
}

fn id(field: &'static str, value: i64) -> Result<i64, BadPart> {
    if value > 0 {
        Ok(value)
    } else {
        Err(BadPart { field })
    }
}

fn part<'a>(field: &'static str, text: &'a str) -> Result<&'a str, BadPart> {
    if is_part(text) {
        Ok(text)
    } else {
        Err(BadPart { field })
    }
}

fn is_part(text: &str) -> bool {
    (1..=LONGEST_PART).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'=' | b'@' | b',' | b'.' | b';')
}
