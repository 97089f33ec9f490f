//! Systems that hand their users over to one another: whoever knows the secret of a
//! system gets a token that stands for one user, and the system redeems it once.
//!
//! A token is worth something to whoever holds it, so it lives for five minutes,
//! works once, names its system in the answer, and is void when the system got
//! another secret or was switched off meanwhile. It stays within the company it was
//! made for. An API client that has scopes `adi:system:ALIAS` redeems tokens of
//! those systems alone, and a caller may name the system it expects: otherwise one
//! system could pass a token that it got on to another and be taken for the user.

mod cleaning;
mod rpc;
mod store;

use auth::{Caller, ClientCaller, CompanyId, Role};
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chassis::{Clock, FieldViolation, config::Secret};
use idempotency::Keys;
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use time::Duration;

use crate::{
    clients::{SecretMac, generate_secret},
    error::Error,
    security_events::{self, Kind, SecurityEvent},
    users,
};

pub use cleaning::clean;

/// The right to register systems.
const ADMIN_SCOPE: &str = "adi:admin";

/// What the scopes that name systems begin with.
const SYSTEM_SCOPE: &str = "adi:system:";

/// How long a token is good for.
const LIFETIME: Duration = Duration::seconds(300);

/// The longest alias and the longest name of a user, in characters.
const LONGEST_ALIAS: usize = 100;
const LONGEST_NAME: usize = 191;

/// Longer texts are no token and no secret of ours, in bytes.
const LONGEST_TOKEN: usize = 512;

/// Random bytes of a token; a multiple of three, so that its text needs no padding.
const TOKEN_BYTES: usize = 33;

/// Registers systems, makes tokens and redeems them.
pub struct Adi {
    pub pool: PgPool,
    pub macs: SecretMac,
    pub clock: Clock,
    pub idempotency: Keys,
}

/// What shall become of a system.
pub struct Wanted {
    pub alias: String,
    /// The state; as it was when nothing is said.
    pub active: Option<bool>,
    /// Whether a known system gets a new secret.
    pub rotate: bool,
}

/// What became of a system.
pub struct Registered {
    pub alias: String,
    pub created: bool,
    pub active: bool,
    /// The new secret, if it got one.
    pub secret: Option<Secret>,
}

/// Who is to be handed over to which system.
pub struct Handover {
    pub username: String,
    pub email: String,
    pub system: String,
    /// The secret of the system.
    pub secret: Secret,
}

/// Whom a token stood for.
pub struct Redeemed {
    pub username: String,
    pub email: String,
    pub system: String,
}

/// A system as stored.
pub struct System {
    pub id: i64,
    pub active: bool,
    pub secret_mac: Vec<u8>,
    pub generation: i32,
}

/// A token to store.
pub struct NewToken<'a> {
    pub mac: Vec<u8>,
    pub system: i64,
    pub generation: i32,
    pub client: i64,
    pub company: Option<i64>,
    pub username: &'a str,
    pub email: &'a str,
}

impl Adi {
    /// Registers a system or changes it, on the connection of an open transaction.
    /// A new one gets a secret in any case.
    async fn register(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<Registered, Error> {
        if !is_line(&wanted.alias, LONGEST_ALIAS) {
            return Err(wrong("sistema", "must be 1 to 100 characters"));
        }
        let secret = generate_secret()?;
        let mac = self.macs.of(&of_system(&secret));
        let now = self.clock.now();
        let active = wanted.active.unwrap_or(true);
        let created = store::insert_system(&mut *db, now, &wanted.alias, active, &mac).await?;
        let active = if created {
            active
        } else {
            let rotated = wanted.rotate.then_some(mac.as_slice());
            store::change_system(&mut *db, now, &wanted.alias, wanted.active, rotated).await?
        };
        let with_secret = created || wanted.rotate;
        let event = SecurityEvent::of(Kind::SystemTokenSet).with(json!({
            "system": wanted.alias,
            "created": created,
            "new_secret": with_secret,
            "active": active,
        }));
        security_events::record(db, now, caller, event).await?;
        Ok(Registered {
            alias: wanted.alias,
            created,
            active,
            secret: with_secret.then_some(secret),
        })
    }

    /// A token that hands a user over, for whoever knows the secret of the system,
    /// made on the connection of an open transaction. An unknown system takes as
    /// long as a wrong secret.
    async fn issue(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        handover: Handover,
    ) -> Result<Secret, Error> {
        let client = client(caller)?;
        if !is_line(&handover.username, LONGEST_NAME) {
            return Err(wrong("username", "must be 1 to 191 characters"));
        }
        if !users::is_email(&handover.email) {
            return Err(wrong("email", "must be a mail address"));
        }
        let now = self.clock.now();
        let system = self.prove(&mut *db, &handover).await?;
        if let Some(user) = &caller.user {
            // A user is handed over as itself and as nobody else.
            let own = store::has_email(&mut *db, user.id, &handover.email).await?;
            if !own {
                return Err(Error::Forbidden);
            }
        }
        let token = generate_token()?;
        let new = NewToken {
            mac: self.macs.of(&of_token(&token)),
            system: system.id,
            generation: system.generation,
            client: client.id.0,
            company: caller.home_company().map(|company| company.0),
            username: &handover.username,
            email: &handover.email,
        };
        store::insert_token(&mut *db, now, now + LIFETIME, &new).await?;
        let event = event(caller, Kind::SystemTokenIssued, &handover.system);
        security_events::record(db, now, caller, event).await?;
        Ok(token)
    }

    async fn prove(&self, db: &mut PgConnection, handover: &Handover) -> Result<System, Error> {
        let fit = is_line(&handover.system, LONGEST_ALIAS)
            && handover.secret.expose().len() <= LONGEST_TOKEN;
        let alias = if fit { handover.system.as_str() } else { "" };
        let system = store::system(db, alias).await?.filter(|_| fit);
        let known = system.as_ref().filter(|system| system.active);
        let macs: Vec<_> = known
            .iter()
            .map(|system| system.secret_mac.clone())
            .collect();
        let right = self.macs.fits(&of_system(&handover.secret), &macs);
        system.filter(|_| right).ok_or(Error::SystemCredentials)
    }

    /// Voids a token and answers whom it stood for. `expected` is the system that
    /// the caller takes itself for.
    async fn redeem(
        &self,
        caller: &Caller,
        token: &Secret,
        expected: Option<&str>,
    ) -> Result<Redeemed, Error> {
        let client = client(caller)?;
        let possible = token.expose().len() <= LONGEST_TOKEN
            && expected.is_none_or(|alias| is_line(alias, LONGEST_ALIAS));
        if !possible {
            return Err(Error::HandoverToken);
        }
        let now = self.clock.now();
        let mac = self.macs.of(&of_token(token));
        let own = own_systems(client);
        let mut transaction = self.pool.begin().await?;
        let by = store::Redeemer {
            company: caller.scope().confine(),
            systems: own.as_deref(),
            expected,
        };
        let redeemed = store::redeem(&mut transaction, now, &mac, &by)
            .await?
            .ok_or(Error::HandoverToken)?;
        let event = event(caller, Kind::SystemTokenRedeemed, &redeemed.system);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok(redeemed)
    }
}

/// Only who may touch every company registers systems, and only with the scope.
fn administers(caller: &Caller) -> Result<(), Error> {
    client(caller)?;
    let super_user = caller
        .user
        .as_ref()
        .is_none_or(|user| user.role == Role::Super);
    if caller.has_scope(ADMIN_SCOPE) && super_user && caller.scope().confine().is_none() {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}

/// The API client on whose behalf the edge calls, if it may act at all: a delegated
/// one may not without a user.
fn client(caller: &Caller) -> Result<&ClientCaller, Error> {
    let nowhere = caller.scope().confine() == Some(0);
    let client = caller.client.as_ref();
    client
        .filter(|_| &*caller.service == "edge" && !nowhere)
        .ok_or(Error::Forbidden)
}

/// The systems that a client redeems for; all of them when its scopes name none.
fn own_systems(client: &ClientCaller) -> Option<Vec<String>> {
    let named: Vec<String> = client
        .scopes
        .iter()
        .filter_map(|scope| scope.strip_prefix(SYSTEM_SCOPE))
        .map(str::to_owned)
        .collect();
    (!named.is_empty()).then_some(named)
}

fn event(caller: &Caller, kind: Kind, system: &str) -> SecurityEvent {
    let company: Option<CompanyId> = caller.home_company();
    SecurityEvent {
        company,
        ..SecurityEvent::of(kind).with(json!({"system": system}))
    }
}

fn is_line(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn wrong(field: &'static str, description: &str) -> Error {
    Error::Invalid(vec![FieldViolation {
        field,
        reason: "FORMAT",
        description: description.to_owned(),
    }])
}

/// A token as base64 text. It encodes hexadecimal digits, so that it is letters and
/// digits alone and survives in an address.
fn generate_token() -> Result<Secret, Error> {
    let mut bytes = [0; TOKEN_BYTES];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto("randomness"))?;
    Ok(Secret::new(BASE64.encode(hex::encode(bytes))))
}

/// What is digested of the secret of a system, which is nothing else's digest.
fn of_system(secret: &Secret) -> Secret {
    Secret::new(format!("adi-system|{}", secret.expose()))
}

/// What is digested of a token.
fn of_token(token: &Secret) -> Secret {
    Secret::new(format!("adi-token|{}", token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_base64_that_survives_in_an_address() {
        let token = generate_token().unwrap();
        let text = token.expose();
        assert!(
            text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{text}"
        );
        let inside = BASE64.decode(text).unwrap();
        assert_eq!(inside.len(), 2 * TOKEN_BYTES);
        assert_ne!(generate_token().unwrap().expose(), text);
    }
}
