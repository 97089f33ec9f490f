//! API clients: the programs that may call the REST API, and their secrets.

mod store;

use auth::{Authority, ClientId, CompanyId};
use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chassis::{FieldViolation, config::Secret};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::error::Error;

pub use store::{insert_with_id, move_sequence};

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
}

/// The fields of a row, checked.
pub struct ClientRow<'a> {
    pub consumo: &'a str,
    pub name: &'a str,
    pub authority: &'static str,
    pub company: Option<i64>,
    pub scopes: &'a [String],
}

impl NewClient {
    /// The row to store, once every field was checked.
    pub fn row(&self) -> Result<ClientRow<'_>, Error> {
        let mut wrong = Vec::new();
        let mut refuse = |field, description: &str| {
            wrong.push(FieldViolation {
                field,
                reason: "FORMAT",
                description: description.to_owned(),
            });
        };
        if !is_consumo(&self.consumo) {
            refuse(
                "consumo",
                "must be 3 to 100 letters, digits, dots, dashes and underscores",
            );
        }
        if !(1..=191).contains(&self.name.chars().count()) || self.name.contains('\0') {
            refuse("name", "must be 1 to 191 characters");
        }
        if self.authority == Authority::Company && self.company.is_none() {
            refuse("company", "a client of a company needs one");
        }
        if !self.scopes.iter().all(|scope| is_scope(scope)) {
            refuse("scopes", "must be words such as crm:read");
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        Ok(ClientRow {
            consumo: &self.consumo,
            name: &self.name,
            authority: authority_text(self.authority),
            company: self.company.map(|company| company.0),
            scopes: &self.scopes,
        })
    }
}

/// Says whether a text can be the public name of a client at all.
pub fn is_consumo(text: &str) -> bool {
    (3..=100).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

fn is_scope(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":._-".contains(&byte))
}

/// Creates a client; answers its secret, which nobody can read later.
pub async fn create(
    pool: &PgPool,
    macs: &SecretMac,
    now: OffsetDateTime,
    client: &NewClient,
) -> Result<Secret, Error> {
    let secret = generate_secret()?;
    let row = client.row()?;
    let mut transaction = pool.begin().await?;
    let id = store::insert(&mut transaction, now, &row).await?;
    store::put_secret(&mut transaction, id, 1, &macs.of(&secret), now).await?;
    transaction.commit().await?;
    Ok(secret)
}

/// Gives a client a new secret. The newest of the present ones stays good for
/// `grace`, an older one ends.
pub async fn rotate_secret(
    pool: &PgPool,
    macs: &SecretMac,
    now: OffsetDateTime,
    consumo: &str,
    grace: Duration,
) -> Result<Secret, Error> {
    let secret = generate_secret()?;
    let mut transaction = pool.begin().await?;
    let id = store::lock(&mut transaction, consumo)
        .await?
        .ok_or(Error::NoSuchClient)?;
    let newest = store::newest_slot(&mut transaction, id).await?.unwrap_or(2);
    store::end_secret(&mut transaction, id, newest, now + grace).await?;
    let other = if newest == 1 { 2 } else { 1 };
    store::put_secret(&mut transaction, id, other, &macs.of(&secret), now).await?;
    transaction.commit().await?;
    Ok(secret)
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

fn generate_secret() -> Result<Secret, Error> {
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
        let mac = self.of(secret);
        let mut fits = false;
        for slot in 0..SLOTS {
            let (candidate, known) = match stored.get(slot) {
                Some(stored) => (stored.as_slice(), true),
                None => (self.unknown.as_slice(), false),
            };
            fits |= known & verify_slices_are_equal(candidate, &mac).is_ok();
        }
        fits
    }
}
