//! Companies, the tenants.

mod rpc;
mod store;

use auth::{Caller, CompanyId, Role};
use aws_lc_rs::digest::{SHA256, digest};
use chassis::config::Secret;
use sealing::Sealer;
use sqlx::{PgConnection, PgPool};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{error::Error, events};

/// A company as others may know it.
#[derive(Clone, Debug)]
pub struct Company {
    pub id: CompanyId,
    pub name: String,
    pub active: bool,
    /// The IANA name of the zone of its calendars.
    pub time_zone: String,
}

/// A company with a fixed id.
pub struct FixedCompany {
    pub company: Company,
    pub uuid: Uuid,
    pub email: &'static str,
    /// The documented token of the company.
    pub token: &'static str,
    pub plan: i64,
    pub pay_day: Date,
}

/// The token of a company as it is stored.
pub struct StoredToken {
    pub sealed: Vec<u8>,
    pub digest: Vec<u8>,
}

impl StoredToken {
    fn new(sealer: &Sealer, company: Uuid, token: &str) -> Result<Self, Error> {
        Ok(Self {
            sealed: sealer.seal(&place(company), token.as_bytes())?,
            digest: digest(&SHA256, token.as_bytes()).as_ref().to_vec(),
        })
    }
}

/// Where a token is stored.
fn place(company: Uuid) -> String {
    format!("tenancy.company|{company}|token")
}

/// A company as its own people and the platform see it.
pub struct Record {
    pub id: CompanyId,
    pub uuid: Uuid,
    pub name: String,
    pub email: String,
    pub token_sealed: Vec<u8>,
    pub plan: i64,
    /// A decimal number without superfluous digits.
    pub balance: String,
    /// `YYYY-MM-DD`.
    pub pay_day: String,
    pub api_access: bool,
    pub messenger_access: bool,
    pub telegram_access: bool,
    pub time_zone: String,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// Keeps the companies.
pub struct Companies {
    pub pool: PgPool,
    pub sealer: Sealer,
}

impl Companies {
    /// An active company within reach, and its token. Agents are shown neither.
    async fn get(&self, caller: &Caller, id: CompanyId) -> Result<(Record, Secret), Error> {
        let user = caller.user.as_ref();
        if user.is_some_and(|user| user.role == Role::Chat) {
            return Err(Error::Forbidden);
        }
        let record = store::find(&self.pool, caller.scope(), id)
            .await?
            .ok_or(Error::NoSuchCompany)?;
        let token = self
            .sealer
            .open_text(&place(record.uuid), &record.token_sealed)?;
        Ok((record, token))
    }
}

/// Adds companies that are missing, and announces them.
pub async fn add_missing(
    db: &mut PgConnection,
    sealer: &Sealer,
    now: OffsetDateTime,
    companies: &[FixedCompany],
) -> Result<(), Error> {
    let mut added = false;
    for company in companies {
        let token = StoredToken::new(sealer, company.uuid, company.token)?;
        if store::insert_with_id(db, now, company, &token).await? {
            events::company_changed(db, now, &company.company).await?;
            added = true;
        }
    }
    if added {
        store::move_sequence(db).await?;
    }
    Ok(())
}
