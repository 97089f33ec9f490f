//! Guests: people who write to a company, known under several names at once.
//!
//! Names that come together belong to one guest. When names that were held by
//! two guests turn up together, the two become one, so that the outcome does not
//! depend on the order in which messages arrive.

mod identity;
mod rpc;
mod store;
mod token;

use auth::{ChannelId, CompanyId, GuestId, TenantScope};
use sqlx::PgConnection;
use time::OffsetDateTime;

pub(crate) use identity::{Identity, IdentityKind, NameRank};
pub(crate) use rpc::{GuestDesk, decode_identity, encode_identity};
pub(crate) use token::GuestTokens;

use crate::{chats, error::Error};

/// How often the holders of names are looked up anew because somebody else made
/// one guest of two meanwhile.
const TRIES: usize = 4;

/// The longest name of a guest, in characters.
pub(crate) const LONGEST_NAME: usize = 191;

/// A guest.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// The id.
    pub(crate) id: GuestId,
    /// The company.
    pub(crate) company: CompanyId,
    /// The display name.
    pub(crate) name: String,
    /// The mail address, or empty.
    pub(crate) email: String,
    /// The number seen last, or empty.
    pub(crate) phone: String,
    /// The version of valid tokens.
    pub(crate) token_version: i32,
}

/// What a guest is called, by whom and since when.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// The name, never empty.
    pub(crate) text: String,
    /// Where it comes from.
    pub(crate) rank: NameRank,
    /// When it was said.
    pub(crate) at: OffsetDateTime,
}

impl Name {
    /// The name of a profile, or failing that the best of the identities.
    pub(crate) fn of_profile(said: &str, identities: &[Identity], at: OffsetDateTime) -> Self {
        let said: String = clean(said).chars().take(LONGEST_NAME).collect();
        if said.is_empty() {
            let best = identities.iter().map(Identity::as_name).max();
            let (rank, text) = best.unwrap_or((NameRank::ProviderId, "?".to_owned()));
            return Self { text, rank, at };
        }
        Self {
            text: said,
            rank: NameRank::Profile,
            at,
        }
    }
}

/// Text without the character that PostgreSQL cannot store, and without blanks
/// around it.
pub(crate) fn clean(text: &str) -> String {
    text.replace('\0', "").trim().to_owned()
}

/// Who is meant, and where and when.
pub(crate) struct Sighting<'a> {
    /// The company.
    pub(crate) company: CompanyId,
    /// The channel, which some names are bound to.
    pub(crate) channel: ChannelId,
    /// All names, at least one.
    pub(crate) identities: &'a [Identity],
    /// What the guest is called.
    pub(crate) name: Name,
    /// When the guest was seen under these names.
    pub(crate) at: OffsetDateTime,
}

impl Sighting<'_> {
    /// The names with the channels they are bound to, each once and in the order given.
    fn names(&self) -> Vec<(i64, &Identity)> {
        let mut names: Vec<(i64, &Identity)> = Vec::with_capacity(self.identities.len());
        for name in self.identities {
            let scope = name.scope(self.channel);
            let known = names.iter_mut().find(|(other_scope, other)| {
                (*other_scope, other.kind, &other.value) == (scope, name.kind, &name.value)
            });
            match known {
                Some((_, known)) => *known = (*known).max(name),
                None => names.push((scope, name)),
            }
        }
        names
    }
}

/// The one guest with these names, created or joined from several when need be.
/// The guest stays locked until the transaction ends.
pub(crate) async fn resolve(
    db: &mut PgConnection,
    sighting: &Sighting<'_>,
    now: OffsetDateTime,
) -> Result<GuestId, Error> {
    take_turns(db, sighting).await?;
    resolve_in_turn(db, sighting, now).await
}

/// Makes everybody who deals with one of these names take turns until the transaction ends.
pub(crate) async fn take_turns(
    db: &mut PgConnection,
    sighting: &Sighting<'_>,
) -> Result<(), Error> {
    Ok(store::lock_names(db, sighting.company, &sighting.names()).await?)
}

/// [`resolve`] for whose turn it is.
pub(crate) async fn resolve_in_turn(
    db: &mut PgConnection,
    sighting: &Sighting<'_>,
    now: OffsetDateTime,
) -> Result<GuestId, Error> {
    let names = sighting.names();
    let holders = lock_holders(db, sighting.company, &names).await?;
    let guest = match holders.split_first() {
        None => store::insert(db, sighting.company, &sighting.name, now).await?,
        Some((kept, others)) => {
            for gone in others {
                chats::join_guests(db, *kept, *gone, now).await?;
                store::join(db, *kept, *gone).await?;
            }
            *kept
        }
    };
    store::put_names(db, guest, sighting.company, &names, sighting.at).await?;
    store::rename(db, guest, &sighting.name).await?;
    Ok(guest)
}

/// The guests who hold any of the names, locked, the oldest first.
async fn lock_holders(
    db: &mut PgConnection,
    company: CompanyId,
    names: &[(i64, &Identity)],
) -> Result<Vec<GuestId>, Error> {
    let mut known = store::holders(db, company, names).await?;
    for _ in 0..TRIES {
        store::lock(db, &known).await?;
        let now = store::holders(db, company, names).await?;
        if now == known {
            return Ok(known);
        }
        known = now;
    }
    Err(Error::Contended)
}

/// The guest of a recipient that somebody writes to, bound to `token` when one
/// is sent: INVALID on tokenGuest when the token is not one of the company, or
/// belongs to somebody else than the recipient does.
pub(crate) async fn resolve_recipient(
    db: &mut PgConnection,
    tokens: &GuestTokens,
    token: &str,
    sighting: &Sighting<'_>,
    now: OffsetDateTime,
) -> Result<GuestId, Error> {
    if token.is_empty() {
        return resolve(db, sighting, now).await;
    }
    let names = sighting.names();
    take_turns(db, sighting).await?;
    let bound = guest_of_token(db, tokens, token, sighting.company).await?;
    store::lock(db, &[bound]).await?;
    if guest_of_token(db, tokens, token, sighting.company).await? != bound {
        return Err(Error::Contended);
    }
    let holders = store::holders(db, sighting.company, &names).await?;
    if holders.iter().any(|holder| *holder != bound) {
        return Err(bad_token("the token is not one of the recipient"));
    }
    if holders.is_empty() {
        store::put_names(db, bound, sighting.company, &names, sighting.at).await?;
    }
    resolve_in_turn(db, sighting, now).await
}

async fn guest_of_token(
    db: &mut PgConnection,
    tokens: &GuestTokens,
    token: &str,
    company: CompanyId,
) -> Result<GuestId, Error> {
    let refused = || bad_token("the token is not one of the company");
    let claim = tokens
        .verify(token)
        .filter(|claim| claim.company == company)
        .ok_or_else(refused)?;
    let (version, guest) = store::token_version(db, company, claim.guest)
        .await?
        .ok_or_else(refused)?;
    if version == claim.version {
        Ok(guest)
    } else {
        Err(refused())
    }
}

fn bad_token(description: &str) -> Error {
    Error::field("tokenGuest", "INVALID", description)
}

/// The name to deliver to on a channel.
pub(crate) async fn address_on(
    db: &mut PgConnection,
    guest: GuestId,
    channel: ChannelId,
    channel_type: &str,
) -> Result<Option<Identity>, Error> {
    let names = store::names_on(db, guest, channel.0).await?;
    let best = IdentityKind::reachable_on(channel_type)
        .iter()
        .find_map(|kind| names.iter().find(|name| name.kind == *kind));
    Ok(best.cloned())
}

/// What the company says about a guest.
pub(crate) struct Registration {
    /// The company.
    pub(crate) company: CompanyId,
    /// The name.
    pub(crate) name: String,
    /// The mail address; empty leaves a known one as it is.
    pub(crate) email: String,
    /// The normalised number.
    pub(crate) phone: String,
}

/// The guest of a number, created or renamed.
pub(crate) async fn register(
    db: &mut PgConnection,
    scope: TenantScope,
    registration: &Registration,
    now: OffsetDateTime,
) -> Result<Guest, Error> {
    if !scope.contains(registration.company) {
        return Err(Error::ForeignCompany);
    }
    let sighting = Sighting {
        company: registration.company,
        // Numbers are of the company, whatever the channel.
        channel: ChannelId(0),
        identities: &[Identity::phone(registration.phone.clone())],
        name: Name {
            text: registration.name.clone(),
            rank: NameRank::Stored,
            at: now,
        },
        // Registering is no sign that the provider knows the guest by this form.
        at: OffsetDateTime::UNIX_EPOCH,
    };
    let guest = resolve(db, &sighting, now).await?;
    if !registration.email.is_empty() {
        store::set_email(db, guest, &registration.email).await?;
    }
    store::find(db, scope, guest)
        .await?
        .ok_or(Error::GuestUnknown)
}

/// The guest of a number in a company.
pub(crate) async fn by_phone(
    db: &mut PgConnection,
    scope: TenantScope,
    company: CompanyId,
    phone: String,
) -> Result<Guest, Error> {
    if !scope.contains(company) {
        return Err(Error::GuestUnknown);
    }
    let phone = Identity::phone(phone);
    let holders = store::holders(db, company, &[(0, &phone)]).await?;
    let guest = *holders.first().ok_or(Error::GuestUnknown)?;
    store::find(db, scope, guest)
        .await?
        .ok_or(Error::GuestUnknown)
}
