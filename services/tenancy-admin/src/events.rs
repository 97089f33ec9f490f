//! What tenancy-admin publishes: `company.changed` and `department.changed`.

use events::{NewEvent, Outbox};
use proto::events::v1::{CompanyChanged, DepartmentChanged};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::SCHEMA;

/// Tells, in the transaction of the change, how a company is now.
pub async fn company_changed(
    db: &mut PgConnection,
    now: OffsetDateTime,
    data: &CompanyChanged,
) -> Result<(), sqlx::Error> {
    let event = NewEvent {
        kind: "company.changed",
        company: data.company_id,
        subject: format!("company-{}", data.company_id),
        data,
    };
    Outbox::new(SCHEMA).append(db, now, event).await
}

/// Tells, in the transaction of the change, how a department is now.
pub async fn department_changed(
    db: &mut PgConnection,
    now: OffsetDateTime,
    data: &DepartmentChanged,
) -> Result<(), sqlx::Error> {
    let event = NewEvent {
        kind: "department.changed",
        company: data.company_id,
        subject: format!("department-{}", data.department_id),
        data,
    };
    Outbox::new(SCHEMA).append(db, now, event).await
}
