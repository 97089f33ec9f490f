//! Departments: parts of a company to which chats and tickets are routed.

mod hours;
pub mod rpc;
mod store;

use auth::{Caller, CompanyId, DepartmentId, TenantScope};
use chassis::Clock;
use idempotency::Keys;
use postgres::Page;
use proto::events::v1::DepartmentChanged;
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

pub use hours::{Day, Hours};

use crate::{
    error::Error,
    events,
    input::Faults,
    rights::{Action, permit},
    security_events::{self, Kind, SecurityEvent},
};

/// A department with a fixed id, always open unless it has hours.
pub struct FixedDepartment {
    pub id: DepartmentId,
    pub uuid: Uuid,
    pub company: CompanyId,
    pub name: &'static str,
    /// The weekly calendar in the documented shape; empty means always open.
    pub hours: &'static str,
}

/// A department.
#[derive(Clone, Debug)]
pub struct Department {
    pub id: DepartmentId,
    pub uuid: Uuid,
    pub company: CompanyId,
    pub name: String,
    /// The weekly calendar as it is stored; absent means always open.
    pub hours: Option<Hours>,
    pub active: bool,
    /// The IANA name of the zone of the company.
    pub time_zone: String,
}

/// Which departments to list; what is empty or absent keeps all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub name: String,
    pub company: Option<CompanyId>,
    pub hours: String,
    pub active: Option<bool>,
}

/// What to change of a department; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The company it must be of.
    pub company: Option<CompanyId>,
    pub name: Option<String>,
    pub hours: Option<NewHours>,
}

/// What a calendar becomes.
#[derive(Clone, Debug)]
pub enum NewHours {
    Weekly(Box<Hours>),
    AlwaysOpen,
}

/// Keeps the departments.
pub struct Departments {
    pub pool: PgPool,
    pub clock: Clock,
    pub keys: Keys,
}

impl Departments {
    async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        page: Page,
    ) -> Result<(Vec<Department>, i64), Error> {
        let scope = permit(caller, Action::ReadDepartments)?;
        let mut faults = Faults::default();
        faults.searchable(&[
            ("filters.name", &filter.name),
            ("filters.hour", &filter.hours),
        ]);
        faults.done()?;
        let total = store::count(&self.pool, scope, filter).await?;
        Ok((store::list(&self.pool, scope, filter, page).await?, total))
    }

    async fn get(&self, caller: &Caller, id: DepartmentId) -> Result<Department, Error> {
        let scope = permit(caller, Action::ReadDepartments)?;
        load(&self.pool, scope, id).await
    }

    /// Adds a department on the connection of an open transaction.
    async fn create(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        company: CompanyId,
        name: &str,
        hours: Option<Hours>,
    ) -> Result<Department, Error> {
        let scope = permit(caller, Action::WriteDepartments)?;
        let mut faults = Faults::default();
        check_name(&mut faults, name);
        if let Some(hours) = &hours {
            hours.check(&mut faults);
        }
        faults.done()?;
        let now = self.clock.now();
        let json = hours.as_ref().map(Hours::to_json);
        let id = store::insert(&mut *db, now, scope, company, name, json.as_deref())
            .await?
            .ok_or_else(|| Error::foreign_company("company"))?;
        let department = store::lock(&mut *db, scope, id)
            .await?
            .ok_or(Error::NoSuchDepartment)?;
        announce(&mut *db, now, &department).await?;
        let event = SecurityEvent::of_thing(Kind::DepartmentCreated, company, id.0);
        security_events::record(db, now, caller, event).await?;
        Ok(department)
    }

    async fn update(
        &self,
        caller: &Caller,
        id: DepartmentId,
        change: Change,
    ) -> Result<(Department, bool), Error> {
        let scope = permit(caller, Action::WriteDepartments)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let mut department = store::lock(&mut transaction, scope, id)
            .await?
            .filter(|found| {
                change
                    .company
                    .is_none_or(|company| company == found.company)
            })
            .ok_or(Error::NoSuchDepartment)?;
        if change.name.is_none() && change.hours.is_none() {
            return Err(Error::NothingToUpdate);
        }
        let mut faults = Faults::default();
        if let Some(name) = &change.name {
            check_name(&mut faults, name);
        }
        if let Some(NewHours::Weekly(hours)) = &change.hours {
            hours.check(&mut faults);
        }
        faults.done()?;
        let mut fields = Vec::new();
        if let Some(name) = change.name.filter(|name| *name != department.name) {
            department.name = name;
            fields.push("name");
        }
        if let Some(hours) = change.hours {
            let hours = match hours {
                NewHours::Weekly(hours) => Some(*hours),
                NewHours::AlwaysOpen => None,
            };
            if hours != department.hours {
                department.hours = hours;
                fields.push("hours");
            }
        }
        if fields.is_empty() {
            return Ok((department, false));
        }
        let json = department.hours.as_ref().map(Hours::to_json);
        store::update(&mut transaction, now, &department, json.as_deref()).await?;
        announce(&mut transaction, now, &department).await?;
        let event = SecurityEvent::of_thing(Kind::DepartmentChanged, department.company, id.0);
        security_events::record(&mut transaction, now, caller, event.fields(&fields)).await?;
        transaction.commit().await?;
        Ok((department, true))
    }

    async fn set_active(
        &self,
        caller: &Caller,
        id: DepartmentId,
        active: bool,
    ) -> Result<(Department, bool), Error> {
        let scope = permit(caller, Action::WriteDepartments)?;
        let now = self.clock.now();
        let mut transaction = self.pool.begin().await?;
        let mut department = store::lock(&mut transaction, scope, id)
            .await?
            .ok_or(Error::NoSuchDepartment)?;
        if department.active == active {
            return Ok((department, false));
        }
        department.active = active;
        let json = department.hours.as_ref().map(Hours::to_json);
        store::update(&mut transaction, now, &department, json.as_deref()).await?;
        announce(&mut transaction, now, &department).await?;
        let kind = if active {
            Kind::DepartmentEnabled
        } else {
            Kind::DepartmentDisabled
        };
        let event = SecurityEvent::of_thing(kind, department.company, id.0);
        security_events::record(&mut transaction, now, caller, event).await?;
        transaction.commit().await?;
        Ok((department, true))
    }
}

fn check_name(faults: &mut Faults, name: &str) {
    faults.text("department_name", name, 5, 100);
}

/// A department within reach.
pub async fn load(
    db: impl PgExecutor<'_>,
    scope: TenantScope,
    id: DepartmentId,
) -> Result<Department, Error> {
    store::find(db, scope, id)
        .await?
        .ok_or(Error::NoSuchDepartment)
}

/// The first department of a company, visible or not; none when the company was
/// removed this very moment.
pub async fn first_of(db: impl PgExecutor<'_>, company: CompanyId) -> Result<DepartmentId, Error> {
    store::first_of(db, company).await?.ok_or(Error::Contended)
}

/// Gives a company that is not visible yet its first department.
pub async fn add_first(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: CompanyId,
    name: &str,
) -> Result<(), Error> {
    Ok(store::insert_first(db, now, company, name).await?)
}

/// Tells how all departments of a company are.
pub async fn announce_all(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: CompanyId,
) -> Result<(), Error> {
    for department in store::all_of(&mut *db, company).await? {
        announce(&mut *db, now, &department).await?;
    }
    Ok(())
}

/// Tells, in the transaction of the change, how a department is now.
async fn announce(
    db: &mut PgConnection,
    now: OffsetDateTime,
    department: &Department,
) -> Result<(), Error> {
    let data = DepartmentChanged {
        department_id: department.id.0,
        company_id: department.company.0,
        name: department.name.clone(),
        active: department.active,
        hours_json: department
            .hours
            .as_ref()
            .map(Hours::to_json)
            .unwrap_or_default(),
    };
    events::department_changed(db, now, &data).await?;
    Ok(())
}

/// Adds departments that are missing, and announces them.
pub async fn add_missing(
    db: &mut PgConnection,
    now: OffsetDateTime,
    departments: &[FixedDepartment],
) -> Result<(), Error> {
    let mut added = false;
    for department in departments {
        if store::insert_with_id(db, now, department).await? {
            let stored = Department {
                id: department.id,
                uuid: department.uuid,
                company: department.company,
                name: department.name.to_owned(),
                hours: Hours::from_stored(Some(department.hours))?,
                active: true,
                time_zone: String::new(),
            };
            announce(db, now, &stored).await?;
            added = true;
        }
    }
    if added {
        store::move_sequence(db).await?;
    }
    Ok(())
}
