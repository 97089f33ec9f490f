//! Mailboxes: accounts whose mail becomes tickets.

mod rpc;
mod store;

use auth::{Caller, Role, TenantScope};
use chassis::{Clock, FieldViolation, config::Secret};
use postgres::Page;
use sealing::Sealer;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use crate::{
    audit::{self, Deed},
    error::Error,
};

pub(crate) use store::{department, own_addresses, receiving, time_zone};

/// The right to see the secrets of mailboxes.
const CREDENTIALS: &str = "mail:credentials";

/// The most mailboxes whose secrets are answered at once.
const MOST_DISCLOSED: usize = 100;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Tls {
    /// From the first byte.
    Implicit,
    /// Before the login, or no login.
    Starttls,
}

/// How a login proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum MailAuth {
    /// By user and password.
    Password,
    /// By an OAuth refresh token.
    Xoauth2,
}

/// Where and how to log in.
#[derive(Clone, Debug)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub user: String,
    pub auth: MailAuth,
}

/// A mailbox, without its secrets.
#[derive(Clone, Debug)]
pub struct Mailbox {
    pub id: i64,
    pub company: i64,
    pub department: i64,
    pub address: String,
    pub imap: Server,
    pub smtp: Option<Server>,
    pub folders: Vec<String>,
    pub active: bool,
    /// Whether this system reads it itself.
    pub fetching: bool,
    pub poll_seconds: u32,
    pub time_zone: String,
}

/// Which mailboxes to list; what is absent keeps all.
pub struct Filter {
    pub id: Option<i64>,
    pub user: Option<String>,
    pub company: Option<i64>,
    pub department: Option<i64>,
    pub active: Option<bool>,
}

/// What is needed to log in to a mailbox.
pub struct Credentials {
    pub mailbox: i64,
    /// Empty when the login is not by password.
    pub password: Secret,
    pub auth: MailAuth,
}

/// Keeps the mailboxes.
pub struct Mailboxes {
    pub pool: PgPool,
    pub sealer: Sealer,
    pub clock: Clock,
}

impl Mailboxes {
    /// A page of the mailboxes within reach that pass the filter, and how many
    /// there are in all.
    async fn list(
        &self,
        scope: TenantScope,
        filter: &Filter,
        page: Page,
    ) -> Result<(Vec<Mailbox>, u64), Error> {
        let total = store::count(&self.pool, scope, filter).await?;
        let mailboxes = store::list(&self.pool, scope, filter, page).await?;
        Ok((mailboxes, total))
    }

    /// The secrets of those mailboxes that are within reach, each disclosure
    /// recorded before it is answered.
    async fn disclose(&self, caller: &Caller, ids: &[i64]) -> Result<Vec<Credentials>, Error> {
        if !may_disclose(caller) {
            return Err(Error::Forbidden);
        }
        if !(1..=MOST_DISCLOSED).contains(&ids.len()) {
            return Err(Error::Invalid(FieldViolation {
                field: "mailbox_ids",
                reason: "COUNT",
                description: format!("must name 1 to {MOST_DISCLOSED} mailboxes"),
            }));
        }
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let found = store::secrets(&mut transaction, caller.scope(), ids).await?;
        let mut credentials = Vec::with_capacity(found.len());
        for secret in found {
            let deed = Deed {
                kind: "mailbox.disclosed",
                company: secret.company,
                subject: &format!("mailbox-{}", secret.mailbox),
            };
            audit::record(&mut transaction, now, caller, deed).await?;
            credentials.push(self.open(&secret)?);
        }
        transaction.commit().await?;
        Ok(credentials)
    }

    fn open(&self, stored: &store::StoredSecret) -> Result<Credentials, Error> {
        let password = match stored.auth {
            MailAuth::Password => self
                .sealer
                .open_text(&place(stored.mailbox), &stored.sealed)?,
            MailAuth::Xoauth2 => Secret::default(),
        };
        Ok(Credentials {
            mailbox: stored.mailbox,
            password,
            auth: stored.auth,
        })
    }
}

/// The right is the API client's; a user who acts through it narrows it, as
/// everywhere, and secrets are for super users alone.
fn may_disclose(caller: &Caller) -> bool {
    let user = caller.user.as_ref();
    caller.has_scope(CREDENTIALS) && user.is_none_or(|user| user.role == Role::Super)
}

/// Adds a mailbox under its id, unless the id or the account is taken.
pub async fn add_missing(
    db: &mut PgConnection,
    sealer: &Sealer,
    now: OffsetDateTime,
    mailbox: &Mailbox,
    password: &Secret,
) -> Result<(), Error> {
    let secret = sealer.seal(&place(mailbox.id), password.expose().as_bytes())?;
    if store::insert_with_id(db, now, mailbox, &secret).await? {
        store::move_sequence(db).await?;
    }
    Ok(())
}

/// Where the IMAP secret of a mailbox is stored.
fn place(mailbox: i64) -> String {
    format!("mail.mailbox|{mailbox}|imap_secret")
}
