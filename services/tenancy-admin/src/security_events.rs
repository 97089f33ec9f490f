//! Security events: what happened to companies, departments, FAQs and plans,
//! written in the transaction of the change, so that neither is without the other.

mod store;

use auth::{Caller, CompanyId};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    CompanyCreated,
    CompanyAbandoned,
    CompanyChanged,
    CompanyDeleted,
    CompanyRevoked,
    HolidaysSet,
    DepartmentCreated,
    DepartmentChanged,
    DepartmentEnabled,
    DepartmentDisabled,
    FaqCreated,
    FaqChanged,
    FaqEnabled,
    FaqDisabled,
    PlanCreated,
    PlanEnabled,
    PlanDisabled,
}

impl Kind {
    /// The name in the table, such as `company.deleted`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CompanyCreated => "company.created",
            Self::CompanyAbandoned => "company.abandoned",
            Self::CompanyChanged => "company.changed",
            Self::CompanyDeleted => "company.deleted",
            Self::CompanyRevoked => "company.revoked",
            Self::HolidaysSet => "company.holidays_set",
            Self::DepartmentCreated => "department.created",
            Self::DepartmentChanged => "department.changed",
            Self::DepartmentEnabled => "department.enabled",
            Self::DepartmentDisabled => "department.disabled",
            Self::FaqCreated => "faq.created",
            Self::FaqChanged => "faq.changed",
            Self::FaqEnabled => "faq.enabled",
            Self::FaqDisabled => "faq.disabled",
            Self::PlanCreated => "plan.created",
            Self::PlanEnabled => "plan.enabled",
            Self::PlanDisabled => "plan.disabled",
        }
    }
}

/// Something that happened, and to what.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    pub kind: Kind,
    pub company: Option<CompanyId>,
    /// The department, FAQ or plan it happened to.
    pub subject: Option<i64>,
    /// An object of what is worth knowing besides: never a secret or an address.
    pub details: Value,
}

impl SecurityEvent {
    /// Something that happened to a company.
    pub fn of_company(kind: Kind, company: CompanyId) -> Self {
        Self {
            kind,
            company: Some(company),
            subject: None,
            details: Value::Object(Map::new()),
        }
    }

    /// Something that happened to a thing of a company.
    pub fn of_thing(kind: Kind, company: CompanyId, subject: i64) -> Self {
        Self {
            subject: Some(subject),
            ..Self::of_company(kind, company)
        }
    }

    /// Something that happened to a plan.
    pub fn of_plan(kind: Kind, plan: i64) -> Self {
        Self {
            kind,
            company: None,
            subject: Some(plan),
            details: Value::Object(Map::new()),
        }
    }

    /// The same with the names of the fields that changed.
    pub fn fields(mut self, names: &[&str]) -> Self {
        self.details = json!({ "fields": names });
        self
    }
}

/// Writes an event in the transaction of the change; `by` is who caused it.
pub async fn record(
    db: &mut PgConnection,
    now: OffsetDateTime,
    by: &Caller,
    event: SecurityEvent,
) -> Result<(), sqlx::Error> {
    store::insert(db, now, by, event).await
}
