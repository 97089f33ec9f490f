//! Copies of companies and departments, fed by the events of tenancy-admin, so
//! that no login has to ask there. A company that was not heard of yet is taken
//! for active.

mod store;

use auth::CompanyId;
use chassis::Clock;
use events::{Event, Handler};
use prost::Message;
use proto::events::v1::{CompanyChanged, DepartmentChanged};
use sqlx::PgConnection;
use time::Duration;

use crate::revocations::{self, Subject};

pub use store::{active_users, lock_limit};

/// Follows the changes that tenancy-admin announces.
pub struct FollowTenancy {
    /// The lifetime of the longest session.
    pub longest: Duration,
    pub clock: Clock,
}

#[tonic::async_trait]
impl Handler for FollowTenancy {
    async fn handle(&self, db: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        match event.r#type.as_str() {
            "company.changed" => {
                let company = CompanyChanged::decode(event.data.clone())?;
                let was_active = store::put_company(db, &company).await?;
                if was_active && !company.active {
                    self.void_tokens(db, CompanyId(company.company_id)).await?;
                }
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

impl FollowTenancy {
    /// Nobody waits here until every replica has applied it.
    async fn void_tokens(&self, db: &mut PgConnection, company: CompanyId) -> sqlx::Result<()> {
        let now = self.clock.now();
        let forget_at = Some(now + self.longest);
        let _ = revocations::record(db, now, Subject::Company(company), forget_at).await?;
        Ok(())
    }
}
