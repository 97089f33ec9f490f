//! Departments: parts of a company to which chats and tickets are routed.

mod store;

use auth::{CompanyId, DepartmentId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::Error, events};

/// A department as others may know it.
#[derive(Clone, Debug)]
pub struct Department {
    pub id: DepartmentId,
    pub company: CompanyId,
    pub name: String,
    pub active: bool,
    /// The weekly calendar in the documented shape; empty means always open.
    pub hours_json: String,
}

/// Adds departments that are missing, always open, and announces them.
pub async fn add_missing(
    db: &mut PgConnection,
    now: OffsetDateTime,
    departments: &[(Uuid, Department)],
) -> Result<(), Error> {
    let mut added = false;
    for (uuid, department) in departments {
        if store::insert_with_id(db, now, *uuid, department).await? {
            events::department_changed(db, now, department).await?;
            added = true;
        }
    }
    if added {
        store::move_sequence(db).await?;
    }
    Ok(())
}
