//! Copies of companies and departments, fed by the events of tenancy-admin, so
//! that no login has to ask there. A company that was not heard of yet is taken
//! for active.

mod store;

use events::{Event, Handler};
use prost::Message;
use proto::events::v1::{CompanyChanged, DepartmentChanged};
use sqlx::PgConnection;

/// Follows the changes that tenancy-admin announces.
pub struct FollowTenancy;

#[tonic::async_trait]
impl Handler for FollowTenancy {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        match event.r#type.as_str() {
            "company.changed" => {
                let company = CompanyChanged::decode(event.data.clone())?;
                store::put_company(db, &company).await?;
            }
            "department.changed" => {
                let department = DepartmentChanged::decode(event.data.clone())?;
                store::put_department(db, &department).await?;
            }
            _ => {}
        }
        Ok(())
    }
}
