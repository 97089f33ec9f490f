//! What this service keeps of the announcements of others.

use async_trait::async_trait;
use events::{Event, Handler};
use prost::Message as _;
use proto::events::v1::{CompanyChanged, DepartmentChanged, UserChanged};
use sqlx::PgConnection;

use crate::people::{self, Company, Department, User};

/// Keeps the replica of users.
pub(crate) struct Users;

#[async_trait]
impl Handler for Users {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        if event.r#type != "user.changed" {
            return Ok(());
        }
        let changed = UserChanged::decode(event.data.clone())?;
        let user = User {
            id: changed.user_id,
            company: changed.company_id,
            department: Some(changed.department_id).filter(|id| *id != 0),
            // A role nobody knows has no rights here.
            role: i16::try_from(changed.role).unwrap_or(0),
            name: changed.name,
            email: changed.email,
            active: changed.active,
        };
        Ok(people::put_user(db, &user).await?)
    }
}

/// Keeps the replicas of departments and companies.
pub(crate) struct Companies;

#[async_trait]
impl Handler for Companies {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        match event.r#type.as_str() {
            "department.changed" => {
                let changed = DepartmentChanged::decode(event.data.clone())?;
                let department = Department {
                    id: changed.department_id,
                    company: changed.company_id,
                    name: changed.name,
                    active: changed.active,
                    hours: changed.hours_json,
                };
                people::put_department(db, &department).await?;
            }
            "company.changed" => {
                let changed = CompanyChanged::decode(event.data.clone())?;
                let company = Company {
                    id: changed.company_id,
                    name: changed.name,
                    active: changed.active,
                    time_zone: changed.time_zone,
                };
                people::put_company(db, &company).await?;
            }
            _ => {}
        }
        Ok(())
    }
}
