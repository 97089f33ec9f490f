//! Companies, the tenants. One comes to be together with its administrator, whom
//! identity keeps; one goes by being switched off, and identity is told.

mod creation;
mod finishing;
mod rpc;
mod store;

use auth::{Caller, CompanyId};
use aws_lc_rs::digest::{SHA256, digest};
use chassis::{Clock, config::Secret};
use idempotency::Keys;
use postgres::Page;
use sealing::Sealer;
use sqlx::{PgConnection, PgPool};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::Error,
    events,
    identity::Identity,
    input::{Faults, LINE, Sign},
    rights::{Action, Rank, permit, rank},
    security_events::{self, Kind, SecurityEvent},
};

pub use finishing::finish;

/// A company with a fixed id.
pub struct FixedCompany<'a> {
    pub id: CompanyId,
    pub uuid: Uuid,
    pub name: &'static str,
    pub email: &'static str,
    /// The documented token of the company.
    pub token: &'static str,
    pub plan: i64,
    pub pay_day: Date,
    pub time_zone: &'a str,
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
            digest: token_digest(token),
        })
    }
}

fn token_digest(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// Where a token is stored.
fn place(company: Uuid) -> String {
    format!("tenancy.company|{company}|token")
}

/// A company as its own people and the platform see it.
#[derive(Clone, Debug)]
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

/// Which companies to list; what is empty keeps all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub name: String,
    pub email: String,
    pub token: String,
    pub plan: String,
}

/// What to change of a company; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub email: Option<String>,
    pub balance: Option<String>,
    pub pay_day: Option<String>,
    pub plan: Option<i64>,
    pub api_access: Option<bool>,
    pub messenger_access: Option<bool>,
    pub telegram_access: Option<bool>,
    pub time_zone: Option<String>,
}

/// Keeps the companies. Cloning shares everything.
#[derive(Clone)]
pub struct Companies {
    pub pool: PgPool,
    pub keys: Keys,
    pub sealer: Sealer,
    pub identity: Identity,
    pub clock: Clock,
    /// The zone of companies that name none.
    pub time_zone: String,
}

impl Companies {
    /// The companies that pass the filter, with their tokens, and how many there
    /// are in all.
    async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        page: Page,
    ) -> Result<(Vec<(Record, Secret)>, i64), Error> {
        let scope = permit(caller, Action::ListCompanies)?;
        let mut faults = Faults::default();
        faults.searchable(&[
            ("filters.name", &filter.name),
            ("filters.email", &filter.email),
            ("filters.plan", &filter.plan),
        ]);
        faults.done()?;
        let token = (!filter.token.is_empty()).then(|| token_digest(&filter.token));
        let token = token.as_deref();
        let total = store::count(&self.pool, scope, filter, token).await?;
        let records = store::list(&self.pool, scope, filter, token, page).await?;
        let shown: Result<Vec<_>, Error> = records
            .into_iter()
            .map(|record| {
                let token = self.token(&record)?;
                Ok((record, token))
            })
            .collect();
        Ok((shown?, total))
    }

    /// An active company within reach, and its token, which services do without.
    async fn get(&self, caller: &Caller, id: CompanyId) -> Result<(Record, Secret), Error> {
        let scope = permit(caller, Action::ReadCompany)?;
        let record = store::find(&self.pool, scope, id)
            .await?
            .ok_or(Error::NoSuchCompany)?;
        let token = match rank(caller) {
            Rank::Service => Secret::default(),
            _ => self.token(&record)?,
        };
        Ok((record, token))
    }

    fn token(&self, record: &Record) -> Result<Secret, Error> {
        Ok(self
            .sealer
            .open_text(&place(record.uuid), &record.token_sealed)?)
    }

    /// Changes a company; says whether anything is other than before.
    async fn update(
        &self,
        caller: &Caller,
        id: CompanyId,
        change: Change,
    ) -> Result<(Record, bool), Error> {
        let scope = permit(caller, Action::WriteCompanies)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let mut record = store::lock(&mut transaction, scope, id)
            .await?
            .ok_or(Error::NoSuchCompany)?;
        let change = change.checked()?;
        if let Some(zone) = &change.time_zone {
            check_zone(&mut transaction, zone).await?;
        }
        if let Some(plan) = change.plan.filter(|plan| *plan != record.plan) {
            store::is_plan_active(&mut transaction, plan)
                .await?
                .then_some(())
                .ok_or_else(|| Error::field("id_plan", "NOT_REGISTERED", "no such active plan"))?;
        }
        let fields = change.apply(&mut record);
        if fields.is_empty() {
            return Ok((record, false));
        }
        record.updated_at = now;
        store::update(&mut transaction, &record).await?;
        announce(&mut transaction, now, id).await?;
        let event = SecurityEvent::of_company(Kind::CompanyChanged, id).fields(&fields);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok((record, true))
    }

    /// Switches a company off for good. When it returns, no token of its users is
    /// accepted any more; when identity does not answer, the company is off
    /// nevertheless, and a repetition or the task in the background goes on.
    async fn delete(&self, caller: &Caller, id: CompanyId) -> Result<(), Error> {
        let scope = permit(caller, Action::WriteCompanies)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let active = store::lock_to_delete(&mut transaction, scope, id)
            .await?
            .ok_or(Error::NoSuchCompany)?;
        if active {
            store::mark_deleted(&mut transaction, now, id).await?;
            announce(&mut transaction, now, id).await?;
            let event = SecurityEvent::of_company(Kind::CompanyDeleted, id);
            security_events::record(&mut transaction, now, caller, event).await?;
        }
        transaction.commit().await?;
        self.revoke(caller, id).await
    }
}

impl Change {
    fn checked(mut self) -> Result<Self, Error> {
        let mut faults = Faults::default();
        if let Some(name) = &self.name {
            faults.text("name", name, 1, LINE);
        }
        if let Some(email) = &mut self.email {
            faults.email("email", email);
            *email = email.to_lowercase();
        }
        if let Some(balance) = &mut self.balance {
            *balance = faults.amount("balance", balance, Sign::Any);
        }
        if let Some(pay_day) = &self.pay_day {
            faults.day("pay_day", pay_day);
        }
        faults.done()?;
        Ok(self)
    }

    /// Applies itself; answers the fields that are other than before.
    fn apply(self, record: &mut Record) -> Vec<&'static str> {
        fn set<T: PartialEq>(slot: &mut T, value: Option<T>) -> bool {
            match value {
                Some(value) if value != *slot => {
                    *slot = value;
                    true
                }
                _ => false,
            }
        }
        [
            ("name", set(&mut record.name, self.name)),
            ("email", set(&mut record.email, self.email)),
            ("balance", set(&mut record.balance, self.balance)),
            ("pay_day", set(&mut record.pay_day, self.pay_day)),
            ("plan", set(&mut record.plan, self.plan)),
            ("api", set(&mut record.api_access, self.api_access)),
            (
                "messenger",
                set(&mut record.messenger_access, self.messenger_access),
            ),
            (
                "telegram",
                set(&mut record.telegram_access, self.telegram_access),
            ),
            ("time_zone", set(&mut record.time_zone, self.time_zone)),
        ]
        .into_iter()
        .filter_map(|(field, changed)| changed.then_some(field))
        .collect()
    }
}

/// Refuses a name that is none of a time zone.
async fn check_zone(db: &mut PgConnection, zone: &str) -> Result<(), Error> {
    if zone.contains('\0') || !store::is_time_zone(db, zone).await? {
        return Err(Error::field(
            "time_zone",
            "NOT_REGISTERED",
            "no such time zone",
        ));
    }
    Ok(())
}

/// Says whether a name is one of a time zone.
pub async fn is_zone(db: &PgPool, zone: &str) -> Result<bool, sqlx::Error> {
    store::is_time_zone(&mut *db.acquire().await?, zone).await
}

/// Tells, in the transaction of the change, how a company is now.
pub async fn announce(
    db: &mut PgConnection,
    now: OffsetDateTime,
    id: CompanyId,
) -> Result<(), Error> {
    let yesterday = now.date().saturating_sub(Duration::days(1));
    let data = store::announced(&mut *db, id, yesterday).await?;
    events::company_changed(db, now, &data).await?;
    Ok(())
}

/// Adds companies that are missing, and announces them.
pub async fn add_missing(
    db: &mut PgConnection,
    sealer: &Sealer,
    now: OffsetDateTime,
    companies: &[FixedCompany<'_>],
) -> Result<(), Error> {
    let mut added = false;
    for company in companies {
        let token = StoredToken::new(sealer, company.uuid, company.token)?;
        if store::insert_with_id(db, now, company, &token).await? {
            announce(db, now, company.id).await?;
            added = true;
        }
    }
    if added {
        store::move_sequence(db).await?;
    }
    Ok(())
}
