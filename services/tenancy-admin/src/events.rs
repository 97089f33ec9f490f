//! What tenancy-admin publishes: `company.changed` and `department.changed`.

use events::{NewEvent, Outbox};
use proto::events::v1::{CompanyChanged, DepartmentChanged};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{SCHEMA, companies::Company, departments::Department};

/// Tells, in the transaction of the change, how a company is now.
pub async fn company_changed(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: &Company,
) -> Result<(), sqlx::Error> {
    let data = CompanyChanged {
        company_id: company.id.0,
        name: company.name.clone(),
        active: company.active,
        time_zone: company.time_zone.clone(),
    };
    let event = NewEvent {
        kind: "company.changed",
        company: company.id.0,
        subject: format!("company-{}", company.id),
        data: &data,
    };
    Outbox::new(SCHEMA).append(db, now, event).await
}

/// Tells, in the transaction of the change, how a department is now.
pub async fn department_changed(
    db: &mut PgConnection,
    now: OffsetDateTime,
    department: &Department,
) -> Result<(), sqlx::Error> {
    let data = DepartmentChanged {
        department_id: department.id.0,
        company_id: department.company.0,
        name: department.name.clone(),
        active: department.active,
        hours_json: department.hours_json.clone(),
    };
    let event = NewEvent {
        kind: "department.changed",
        company: department.company.0,
        subject: format!("department-{}", department.id),
        data: &data,
    };
    Outbox::new(SCHEMA).append(db, now, event).await
}
