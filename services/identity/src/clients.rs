//! API clients: the programs that may call the REST API, and their secrets.

mod register;
mod rights;
mod rpc;
mod rules;
mod store;
mod usage;

use auth::{Authority, ClientId, CompanyId};
use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chassis::config::Secret;
use time::OffsetDateTime;

use crate::error::Error;

pub use register::{ClientRegister, Selection};
pub use rpc::{encode_authority, encode_limits};
pub use store::{insert_with_id, limits, move_sequence};
pub use usage::{ClientUsage, note_use};

/// How many secrets a client has at most.
const SLOTS: usize = 2;

/// A client to create.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The public name: 3 to 100 letters, digits, dots, dashes and underscores.
    pub consumo: String,
    /// The display name: 1 to 191 characters.
    pub name: String,
    /// How far it may act without a user.
    pub authority: Authority,
    /// Its company, or the home company of a platform client.
    pub company: Option<CompanyId>,
    /// Extra rights, such as `crm:read`.
    pub scopes: Vec<String>,
    /// Networks it may call from, in CIDR notation; none means any.
    pub ip_allow: Vec<String>,
    /// How much it may call.
    pub limits: Limits,
    /// What it learns about addresses nobody has; depends on the authority when
    /// nothing is said.
    pub forgot_mode: Option<ForgotMode>,
    /// What a link to reset a password may begin with, the default first.
    pub reset_link_bases: Vec<String>,
}

/// How much a client may call; 0 means the default of the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The sustained rate.
    pub per_minute: u32,
    /// How many calls may come at once.
    pub burst: u32,
    /// The quota of a day in UTC.
    pub per_day: u64,
}

/// What a client learns about addresses nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgotMode {
    /// It is told, as documented.
    Contract,
    /// Every address is answered alike.
    Uniform,
}

impl ForgotMode {
    /// The word in the database.
    pub fn text(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Uniform => "uniform",
        }
    }

    /// What a word means.
    pub fn of(text: &str) -> Option<Self> {
        match text {
            "contract" => Some(Self::Contract),
            "uniform" => Some(Self::Uniform),
            _ => None,
        }
    }
}

/// The fields of a row, checked.
pub struct ClientRow<'a> {
    pub consumo: &'a str,
    pub name: &'a str,
    pub authority: &'static str,
    pub company: Option<i64>,
    pub scopes: &'a [String],
    pub ip_allow: Vec<String>,
    pub per_minute: i32,
    pub burst: i32,
    pub per_day: i64,
    pub forgot_mode: &'static str,
    pub reset_link_bases: &'a [String],
}

/// A client as stored.
#[derive(Clone, Debug)]
pub struct ApiClient {
    pub id: ClientId,
    pub consumo: String,
    pub name: String,
    pub authority: Authority,
    pub company: Option<CompanyId>,
    pub scopes: Vec<String>,
    pub ip_allow: Vec<String>,
    pub limits: Limits,
    pub forgot_mode: ForgotMode,
    pub reset_link_bases: Vec<String>,
    pub active: bool,
    pub created_at: OffsetDateTime,
    /// Exact to a few minutes.
    pub last_used_at: Option<OffsetDateTime>,
    /// How many secrets are good now.
    pub secrets: u32,
    /// Until when the older of two secrets is good.
    pub old_secret_expires_at: Option<OffsetDateTime>,
}

/// What a client hears about addresses that nobody has, and the pages that its
/// recovery links may lead to, the usual one first.
pub async fn recovery(
    pool: &sqlx::PgPool,
    id: ClientId,
) -> Result<(ForgotMode, Vec<String>), Error> {
    let found = store::recovery(pool, id).await?;
    // A client that is gone meanwhile hears nothing.
    Ok(found.unwrap_or((ForgotMode::Uniform, Vec::new())))
}

/// Says whether a text can be the public name of a client at all.
pub fn is_consumo(text: &str) -> bool {
    (3..=100).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Stores a given secret for a client that has just been made.
pub async fn set_first_secret(
    db: &mut sqlx::PgConnection,
    macs: &SecretMac,
    now: OffsetDateTime,
    id: ClientId,
    secret: &Secret,
) -> Result<(), Error> {
    store::put_secret(db, id, 1, &macs.of(secret), now).await?;
    Ok(())
}

/// The word for an authority in the database.
pub fn authority_text(authority: Authority) -> &'static str {
    match authority {
        Authority::Platform => "platform",
        Authority::Company => "company",
        Authority::Delegated => "delegated",
    }
}

/// The authority that a word in the database means.
pub fn authority_of(text: &str) -> Option<Authority> {
    match text {
        "platform" => Some(Authority::Platform),
        "company" => Some(Authority::Company),
        "delegated" => Some(Authority::Delegated),
        _ => None,
    }
}

/// A secret of 256 bits that nobody can guess, as base64url text.
pub fn generate_secret() -> Result<Secret, Error> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto("randomness"))?;
    Ok(Secret::new(BASE64URL.encode(bytes)))
}

/// Digests of client secrets. They are long random texts, so a keyed digest is
/// enough; the key protects the shorter ones of older systems.
#[derive(Clone)]
pub struct SecretMac {
    key: hmac::Key,
    unknown: [u8; 32],
}

impl SecretMac {
    /// Digests under the pepper of the deployment.
    pub fn new(pepper: &Secret) -> anyhow::Result<Self> {
        let mut unknown = [0; 32];
        rand::fill(&mut unknown).map_err(|_| anyhow::anyhow!("there is no randomness"))?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, pepper.expose().as_bytes()),
            unknown,
        })
    }

    /// The digest of a secret, 32 bytes.
    pub fn of(&self, secret: &Secret) -> Vec<u8> {
        hmac::sign(&self.key, secret.expose().as_bytes())
            .as_ref()
            .to_vec()
    }

    /// Says whether a secret has one of the digests. It takes as long with none
    /// as with two.
    pub fn fits(&self, secret: &Secret, stored: &[Vec<u8>]) -> bool {
        self.which(secret, stored).is_some()
    }

    /// Which of the digests a secret has. It takes as long with none as with two.
    pub fn which(&self, secret: &Secret, stored: &[Vec<u8>]) -> Option<usize> {
        let mac = self.of(secret);
        let mut which = None;
        for slot in 0..SLOTS {
            let (candidate, known) = match stored.get(slot) {
                Some(stored) => (stored.as_slice(), true),
                None => (self.unknown.as_slice(), false),
            };
            if known & verify_slices_are_equal(candidate, &mac).is_ok() {
                which = Some(slot);
            }
        }
        which
    }
}
