//! Holidays: days on which all departments of a company are closed, whatever
//! their weekly calendars say. The documents know none; they are an extension.

mod store;

use auth::{Caller, CompanyId};
use sqlx::PgPool;
use time::{Date, Duration, OffsetDateTime};

use crate::{
    companies,
    error::Error,
    input::{Faults, LINE, day},
    rights::{Action, permit},
    security_events::{self, Kind, SecurityEvent},
};

/// The days of a span that may be holidays.
const MOST: usize = 366;

/// A holiday.
#[derive(Clone, Debug)]
pub struct Holiday {
    pub day: Date,
    pub name: String,
}

/// Some days, and which of them are holidays.
#[derive(Clone, Debug)]
pub struct Span {
    from: Date,
    until: Date,
    holidays: Vec<Holiday>,
}

impl Span {
    /// Reads days written as `YYYY-MM-DD`.
    pub fn read(from: &str, until: &str, days: Vec<(String, String)>) -> Result<Self, Error> {
        let mut faults = Faults::default();
        let from = faults.day("from", from);
        let until = faults.day("until", until);
        if days.len() > MOST {
            faults.add("holidays", "TOO_MANY", "at most 366");
        }
        let mut holidays: Vec<Holiday> = Vec::with_capacity(days.len().min(MOST));
        for (text, name) in days.into_iter().take(MOST) {
            faults.text("holidays", &name, 0, LINE);
            let day = faults.day("holidays", &text);
            if day < from || day >= until || holidays.iter().any(|other| other.day == day) {
                faults.add("holidays", "OUTSIDE", "each day once, within the span");
            }
            holidays.push(Holiday { day, name });
        }
        faults.done()?;
        Ok(Self {
            from,
            until,
            holidays,
        })
    }
}

/// The holidays of a company from a day until before another, either may be empty.
pub async fn list(
    db: &PgPool,
    caller: &Caller,
    company: CompanyId,
    from: &str,
    until: &str,
) -> Result<Vec<Holiday>, Error> {
    let scope = permit(caller, Action::ReadDepartments)?;
    let mut faults = Faults::default();
    let mut limit = |field, text: &str| match text {
        "" => None,
        text => {
            let read = day(text);
            if read.is_none() {
                faults.add(field, "FORMAT", "must be a day, YYYY-MM-DD");
            }
            read
        }
    };
    let (from, until) = (limit("from", from), limit("until", until));
    faults.done()?;
    if !store::is_within_reach(db, scope, company).await? {
        return Err(Error::NoSuchCompany);
    }
    Ok(store::list(db, scope, company, from, until).await?)
}

/// Replaces the holidays of a span, and announces the company.
pub async fn set(
    db: &PgPool,
    caller: &Caller,
    now: OffsetDateTime,
    company: CompanyId,
    span: Span,
) -> Result<(), Error> {
    let scope = permit(caller, Action::WriteDepartments)?;
    let mut transaction = db.begin().await?;
    if !store::lock_company(&mut transaction, scope, company).await? {
        return Err(Error::NoSuchCompany);
    }
    let last = span.until.saturating_sub(Duration::days(1));
    store::remove(&mut transaction, company, span.from, last).await?;
    for holiday in &span.holidays {
        store::insert(&mut transaction, company, holiday).await?;
    }
    companies::announce(&mut transaction, now, company).await?;
    let event = SecurityEvent::of_company(Kind::HolidaysSet, company);
    security_events::record(&mut transaction, now, caller, event).await?;
    transaction.commit().await?;
    Ok(())
}
