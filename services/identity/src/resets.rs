//! Forgotten passwords: a link that goes out by mail and sets a new one.
//!
//! A link is a selector, by which it is found, and a verifier, of which only a
//! digest stays. A request is one row, written whoever has the address; what
//! follows from it happens after the answer, so both cases take the same time.
//! The verifier stands in no event: mail-ticket fetches the link when it writes
//! the mail.

mod links;
mod making;
mod store;

use auth::{Caller, ClientCaller};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use chassis::{Clock, FieldViolation, config::Secret};
use idempotency::{Asked, Begun, Keys};
use sealing::Sealer;
use serde_json::json;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    clients::{self, ForgotMode},
    config::Lifetimes,
    error::Error,
    events,
    guessing::{Guessing, Known, Missing, holder},
    password::{self, PasswordHasher, policy},
    products,
    revocations::{self, Subject},
    security_events::{self, Kind, SecurityEvent},
    users,
};

pub use links::LinkBases;
pub use making::{Making, clean};
pub use store::void as void_links;

/// How long a link is good.
const LIFETIME: Duration = Duration::minutes(60);

/// Requests in an hour: for an address, from an address of the network, through an
/// API client.
const PER_EMAIL: u32 = 3;
const PER_CALLER: u32 = 10;
const PER_CLIENT: u32 = 60;

/// The longest parts of a link, in characters.
const LONGEST_SELECTOR: usize = 1000;
const LONGEST_TOKEN: usize = 255;

/// Asks for links and redeems them.
pub struct Resets {
    pub pool: PgPool,
    pub passwords: PasswordHasher,
    pub guessing: Guessing,
    pub sealer: Sealer,
    pub bases: LinkBases,
    pub making: Making,
    pub lifetimes: Lifetimes,
    pub clock: Clock,
    pub idempotency: Keys,
}

/// Somebody has forgotten a password.
pub struct Forgotten {
    pub email: String,
    /// The alias of an SSO product; else empty.
    pub product: String,
    /// Which of the allowed pages the link shall lead to.
    pub domain: String,
    /// The address of whoever asks.
    pub client_ip: String,
}

/// The parts of a link, and the new password.
pub struct Redemption {
    pub selector: String,
    pub token: Secret,
    pub password: Secret,
    pub email: Option<String>,
    pub product: String,
    /// The address of whoever redeems it.
    pub client_ip: String,
}

/// A request to write down.
pub struct NewRequest<'a> {
    pub selector: Uuid,
    pub email: &'a str,
    pub product: &'a str,
    pub link_base: &'a str,
    pub client: i64,
    pub bitacora: Option<i64>,
    pub requested_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// A link as the database knows it.
pub struct StoredLink {
    pub user: users::User,
    /// The user and its company.
    pub active: bool,
    pub product: String,
    pub verifier_digest: Vec<u8>,
    pub expires_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

/// A link for a mail.
pub struct MailedLink {
    pub link: Secret,
    pub expires_at: OffsetDateTime,
}

impl Resets {
    /// Has a link mailed, once for a key. [`Error::NoSuchAddress`] only to API clients
    /// that are told so, without a product, and not when they ask for too many.
    pub async fn request(
        &self,
        caller: &Caller,
        client: &ClientCaller,
        keyed: Option<Asked>,
        asked: Forgotten,
    ) -> Result<(), Error> {
        let email = asked.email.to_lowercase();
        if !users::is_email(&email) {
            return Err(wrong("email", "FORMAT", "must be a mail address"));
        }
        self.require_product(&asked.product).await?;
        if let Some(told) = self.told_before(keyed.as_ref()).await? {
            return told_apart(told);
        }
        let from = holder(&asked.client_ip);
        let through = client.id.to_string();
        self.guessing
            .spend(&[
                ("reset address", &email, PER_EMAIL),
                ("reset caller", &from, PER_CALLER),
                ("reset client", &through, PER_CLIENT),
            ])
            .await?;
        let (mode, pages) = clients::recovery(&self.pool, client.id).await?;
        let told = self.is_told(caller, mode, &asked, &email, &from).await?;
        let now = self.clock.now();
        let request = NewRequest {
            selector: Uuid::new_v4(),
            email: &email,
            product: &asked.product,
            link_base: self.bases.among(&pages, &asked.domain),
            client: client.id.0,
            bitacora: caller.bitacora.map(|bitacora| bitacora.0),
            requested_at: now,
            expires_at: now + LIFETIME,
        };
        let mut work = match self.idempotency.begin(&self.pool, now, keyed).await? {
            Begun::Answered(told) => return told_apart(told),
            Begun::Work(work) => work,
        };
        store::insert(work.db(), &request).await?;
        work.commit(&told).await?;
        self.making.wake();
        told_apart(told)
    }

    /// Whether the same request was told before that nobody has the address. A
    /// repetition sends no mail, so it is none of the tries that are counted.
    async fn told_before(&self, keyed: Option<&Asked>) -> Result<Option<bool>, Error> {
        let now = self.clock.now();
        let mut db = self.pool.acquire().await?;
        Ok(self.idempotency.answered(&mut db, now, keyed).await?)
    }

    /// Says whether the caller is told that nobody has the address.
    async fn is_told(
        &self,
        caller: &Caller,
        mode: ForgotMode,
        asked: &Forgotten,
        email: &str,
        from: &str,
    ) -> Result<bool, Error> {
        let client = caller.client.as_ref().ok_or(Error::Forbidden)?;
        if !asked.product.is_empty() || mode == ForgotMode::Uniform {
            return Ok(false);
        }
        let found = store::is_served(&self.pool, email, client.id).await?;
        // Both cases ask the counters, so that both take as long.
        let who = format!("{}|{from}|{found}", client.id);
        let missing = self.guessing.missing(&who, email).await;
        if found {
            return Ok(false);
        }
        if missing == (Missing::Hidden { newly: true }) {
            let event = SecurityEvent::of_client(Kind::ResetProbed, client.company, client.id);
            let mut db = self.pool.acquire().await?;
            security_events::record(&mut db, self.clock.now(), caller, event).await?;
        }
        Ok(missing == Missing::Told)
    }

    async fn require_product(&self, alias: &str) -> Result<(), Error> {
        if alias.is_empty() || products::is_active(&self.pool, alias).await? {
            return Ok(());
        }
        Err(wrong("product", "NOT_REGISTERED", "is no product"))
    }

    /// Sets a new password by a link: the sessions of the user are over then, and
    /// all its other links are void.
    pub async fn redeem(
        &self,
        caller: &Caller,
        client: &ClientCaller,
        sent: Redemption,
    ) -> Result<(), Error> {
        let fits = sent.selector.chars().nth(LONGEST_SELECTOR).is_none()
            && sent.token.expose().chars().nth(LONGEST_TOKEN).is_none();
        if !fits {
            return Err(invalid_token());
        }
        let tried = sent.email.as_deref().unwrap_or(&sent.selector);
        let account = format!("reset|{tried}");
        let place = self.guessing.place(&sent.client_ip, None);
        let ticket = self
            .guessing
            .before(&account, place, Known::default())
            .await
            .map_err(as_token)?;
        match self.judge(client, &sent).await {
            Ok((selector, link)) => {
                ticket.unjudged().await;
                self.change(caller, client, selector, &link, sent.password)
                    .await
            }
            Err(Error::Login) => {
                ticket.failed().await;
                Err(invalid_token())
            }
            Err(error) => {
                ticket.unjudged().await;
                Err(error)
            }
        }
    }

    /// The link that was sent, when it is good; [`Error::Login`] for every cause.
    async fn judge(
        &self,
        client: &ClientCaller,
        sent: &Redemption,
    ) -> Result<(Uuid, StoredLink), Error> {
        let selector = sent.selector.parse().unwrap_or(Uuid::nil());
        let found = store::find(&self.pool, selector, client.id).await?;
        let digest = digest(&SHA256, sent.token.expose().as_bytes());
        let known = found
            .as_ref()
            .map_or(&[0; 32][..], |link| &link.verifier_digest);
        let right = verify_slices_are_equal(known, digest.as_ref()).is_ok();
        let now = self.clock.now();
        let link = found.filter(|link| {
            let email = sent.email.as_deref();
            right
                && link.active
                && link.ended_at.is_none()
                && now < link.expires_at
                && link.product == sent.product
                && email.is_none_or(|email| email.to_lowercase() == link.user.email.to_lowercase())
        });
        link.map(|link| (selector, link)).ok_or(Error::Login)
    }

    async fn change(
        &self,
        caller: &Caller,
        client: &ClientCaller,
        selector: Uuid,
        link: &StoredLink,
        password: Secret,
    ) -> Result<(), Error> {
        let user = &link.user;
        policy::check(password.expose(), &[&user.email, &user.name])
            .map_err(|violation| Error::Invalid(vec![violation]))?;
        let phc = self.passwords.hash(password).await?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        // Of two at the same time one is first.
        if !store::redeem(&mut transaction, selector, now).await? {
            return Err(invalid_token());
        }
        store::void(&mut transaction, user.id, now).await?;
        password::set(&mut transaction, user.id, &phc, now).await?;
        store::end_sessions(&mut transaction, user.id, now).await?;
        events::password_changed(&mut transaction, now, user).await?;
        let event = SecurityEvent::of_user(Kind::PasswordChanged, user.company, user.id)
            .with(json!({ "by": "reset", "client": client.id.0 }));
        security_events::record(&mut transaction, now, caller, event).await?;
        let forget_at = Some(now + self.lifetimes.device.total);
        let subject = Subject::User(user.id);
        let sequence = revocations::record(&mut transaction, now, subject, forget_at).await?;
        transaction.commit().await?;
        revocations::settled(&self.pool, sequence).await
    }

    /// The link for the mail of a request, as often as it is asked for while the
    /// link is good.
    pub async fn link(&self, selector: &str) -> Result<MailedLink, Error> {
        let selector = selector.parse().map_err(|_| Error::NoSuchLink)?;
        let now = self.clock.now();
        let sealed = store::sealed(&self.pool, selector, now).await?;
        let sealed = sealed.ok_or(Error::NoSuchLink)?;
        let verifier = self
            .sealer
            .open_text(&place(selector), &sealed.verifier)
            .map_err(|_| Error::Crypto("opening a recovery link"))?;
        let link = links::build(
            &sealed.link_base,
            selector,
            &verifier,
            &sealed.email,
            &sealed.product,
        )?;
        Ok(MailedLink {
            link,
            expires_at: sealed.expires_at,
        })
    }
}

/// What a caller hears who is told that nobody has the address, or is not.
fn told_apart(told: bool) -> Result<(), Error> {
    if told {
        return Err(Error::NoSuchAddress);
    }
    Ok(())
}

/// Where a verifier is sealed.
fn place(selector: Uuid) -> String {
    format!("password_reset|{selector}|verifier")
}

/// What every link that is not good hears.
fn invalid_token() -> Error {
    wrong("token", "RESET_TOKEN", "the link is not good")
}

fn as_token(error: Error) -> Error {
    match error {
        Error::Login => invalid_token(),
        other => other,
    }
}

fn wrong(field: &'static str, reason: &'static str, description: &str) -> Error {
    Error::Invalid(vec![FieldViolation {
        field,
        reason,
        description: description.to_owned(),
    }])
}
