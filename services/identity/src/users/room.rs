//! How many active users the plan of a company allows.

use auth::CompanyId;
use sqlx::PgConnection;

use crate::{companies, error::Error};

/// Judges whether one more user of a company may be active. Others who ask the same
/// wait until the commit, so that two of them never take the last place.
pub async fn for_one_more(db: &mut PgConnection, company: CompanyId) -> Result<(), Error> {
    let Some(most) = companies::lock_limit(db, company).await? else {
        return Ok(());
    };
    if companies::active_users(db, company).await? < most {
        return Ok(());
    }
    let description = "has as many active users as its plan allows";
    Err(Error::field("company", "PLAN_LIMIT", description))
}
