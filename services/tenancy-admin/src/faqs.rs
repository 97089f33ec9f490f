//! FAQs: ready answers for the agents of a company.

pub mod rpc;
mod store;

use auth::{Caller, CompanyId, TenantScope};
use chassis::Clock;
use idempotency::Keys;
use postgres::Page;
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;

use crate::{
    error::Error,
    input::Faults,
    rights::{Action, Rank, permit, rank},
    security_events::{self, Kind, SecurityEvent},
};

/// Stands for all departments of the company.
pub const ALL_DEPARTMENTS: i64 = 0;

/// The longest answer in characters, and the most departments of one.
const LONGEST_REPLY: usize = 4096;
const MOST_DEPARTMENTS: usize = 100;

/// A ready answer.
#[derive(Clone, Debug)]
pub struct Faq {
    pub id: i64,
    pub company: CompanyId,
    pub reply: String,
    /// In the order entered; 0 stands for all.
    pub departments: Vec<i64>,
    pub active: bool,
}

/// A FAQ with a fixed id.
pub struct FixedFaq {
    pub id: i64,
    pub company: CompanyId,
    pub reply: &'static str,
    pub departments: &'static [i64],
}

/// Which FAQs to list; what is empty or absent keeps all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub reply: String,
    pub company: Option<CompanyId>,
    pub department: String,
    pub active: Option<bool>,
}

/// Which FAQs somebody is shown.
#[derive(Clone, Debug)]
struct Sight {
    scope: TenantScope,
    /// Agents see the active ones of these departments only.
    departments: Option<Vec<i64>>,
}

/// Keeps the FAQs.
pub struct Faqs {
    pub pool: PgPool,
    pub clock: Clock,
    pub keys: Keys,
}

fn sight(caller: &Caller) -> Result<Sight, Error> {
    let scope = permit(caller, Action::ReadFaqs)?;
    let user = caller.user.as_ref();
    let departments = (rank(caller) == Rank::Chat).then(|| {
        let own = user.and_then(|user| user.department);
        [ALL_DEPARTMENTS]
            .into_iter()
            .chain(own.map(|department| department.0))
            .collect()
    });
    Ok(Sight { scope, departments })
}

impl Faqs {
    async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        page: Page,
    ) -> Result<(Vec<Faq>, i64), Error> {
        let sight = sight(caller)?;
        let mut faults = Faults::default();
        faults.searchable(&[
            ("filters.replay", &filter.reply),
            ("filters.department", &filter.department),
        ]);
        faults.done()?;
        let total = store::count(&self.pool, &sight, filter).await?;
        Ok((store::list(&self.pool, &sight, filter, page).await?, total))
    }

    async fn get(&self, caller: &Caller, id: i64) -> Result<Faq, Error> {
        store::find(&self.pool, &sight(caller)?, id)
            .await?
            .ok_or(Error::NoSuchFaq)
    }

    /// Adds a FAQ on the connection of an open transaction.
    async fn create(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        company: CompanyId,
        reply: &str,
        departments: Vec<i64>,
    ) -> Result<Faq, Error> {
        let scope = permit(caller, Action::WriteFaqs)?;
        let mut faults = Faults::default();
        check_reply(&mut faults, reply);
        let departments = checked(&mut faults, "departament", departments);
        faults.done()?;
        let now = self.clock.now();
        if !store::is_within_reach(&mut *db, scope, company).await? {
            return Err(Error::foreign_company("company"));
        }
        owned(&mut *db, company, "departament", &departments).await?;
        let id = store::insert(&mut *db, now, company, reply, &departments).await?;
        let event = SecurityEvent::of_thing(Kind::FaqCreated, company, id);
        security_events::record(db, now, caller, event).await?;
        Ok(Faq {
            id,
            company,
            reply: reply.to_owned(),
            departments,
            active: true,
        })
    }

    async fn update(
        &self,
        caller: &Caller,
        id: i64,
        reply: Option<String>,
        departments: Option<Vec<i64>>,
    ) -> Result<(Faq, bool), Error> {
        let scope = permit(caller, Action::WriteFaqs)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let mut faq = store::lock(&mut transaction, scope, id)
            .await?
            .ok_or(Error::NoSuchFaq)?;
        let mut faults = Faults::default();
        if reply.is_none() && departments.is_none() {
            faults.add("payload", "NOTHING_TO_UPDATE", "nothing to update was sent");
        }
        if let Some(reply) = &reply {
            check_reply(&mut faults, reply);
        }
        let departments = departments.map(|ids| checked(&mut faults, "department", ids));
        faults.done()?;
        let mut fields = Vec::new();
        if let Some(reply) = reply.filter(|reply| *reply != faq.reply) {
            faq.reply = reply;
            fields.push("reply");
        }
        if let Some(departments) = departments.filter(|ids| *ids != faq.departments) {
            owned(&mut transaction, faq.company, "department", &departments).await?;
            faq.departments = departments;
            fields.push("departments");
        }
        if fields.is_empty() {
            return Ok((faq, false));
        }
        store::update(&mut transaction, now, &faq).await?;
        let event = SecurityEvent::of_thing(Kind::FaqChanged, faq.company, id).fields(&fields);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok((faq, true))
    }

    async fn set_active(
        &self,
        caller: &Caller,
        id: i64,
        active: bool,
    ) -> Result<(Faq, bool), Error> {
        let scope = permit(caller, Action::WriteFaqs)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let mut faq = store::lock(&mut transaction, scope, id)
            .await?
            .ok_or(Error::NoSuchFaq)?;
        if faq.active == active {
            return Ok((faq, false));
        }
        faq.active = active;
        store::update(&mut transaction, now, &faq).await?;
        let kind = if active {
            Kind::FaqEnabled
        } else {
            Kind::FaqDisabled
        };
        let event = SecurityEvent::of_thing(kind, faq.company, id);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok((faq, true))
    }
}

fn check_reply(faults: &mut Faults, reply: &str) {
    faults.text("replay", reply, 1, LONGEST_REPLY);
}

/// The departments, each once, in the order entered.
fn checked(faults: &mut Faults, field: &'static str, ids: Vec<i64>) -> Vec<i64> {
    if ids.is_empty() {
        faults.add(field, "REQUIRED", "at least one department, or 0 for all");
    }
    if ids.len() > MOST_DEPARTMENTS {
        faults.add(field, "TOO_MANY", "at most 100 departments");
        return Vec::new();
    }
    let mut unique = Vec::with_capacity(ids.len());
    for id in ids {
        if !unique.contains(&id) {
            unique.push(id);
        }
    }
    unique
}

/// Refuses departments that are none of the company.
async fn owned(
    db: &mut PgConnection,
    company: CompanyId,
    field: &'static str,
    ids: &[i64],
) -> Result<(), Error> {
    if store::owns_all(db, company, ids).await? {
        Ok(())
    } else {
        Err(Error::field(
            field,
            "NOT_REGISTERED",
            "a department is none of the company",
        ))
    }
}

/// Gives a company that is not visible yet its first FAQ.
pub async fn add_first(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: CompanyId,
    reply: &str,
    departments: &[i64],
) -> Result<(), Error> {
    store::insert(db, now, company, reply, departments).await?;
    Ok(())
}

/// The first FAQ of a company.
pub async fn first_of(db: impl PgExecutor<'_>, company: CompanyId) -> Result<Faq, Error> {
    Ok(store::first_of(db, company).await?)
}

/// Adds FAQs that are missing.
pub async fn add_missing(
    db: &mut PgConnection,
    now: OffsetDateTime,
    faqs: &[FixedFaq],
) -> Result<(), Error> {
    let mut added = false;
    for faq in faqs {
        added |= store::insert_with_id(db, now, faq).await?;
    }
    if added {
        store::move_sequence(db).await?;
    }
    Ok(())
}
