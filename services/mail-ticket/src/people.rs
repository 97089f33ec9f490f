//! Users, departments and companies as other services announce them, and who gets
//! a new ticket.
//!
//! The rule: the active agent of the department with the fewest tickets that are
//! not closed; among equals the one who got none for longest. A department without
//! such an agent leaves its tickets waiting.

mod store;

use sqlx::PgConnection;
use time::OffsetDateTime;

pub(crate) use store::{first_department, put_company, put_department, put_user, time_zone};

/// A user as identity announced it last.
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) company: i64,
    pub(crate) department: Option<i64>,
    /// 1 super, 2 admin, 3 chat.
    pub(crate) role: i16,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) active: bool,
}

/// A department as tenancy-admin announced it last.
pub(crate) struct Department {
    pub(crate) id: i64,
    pub(crate) company: i64,
    pub(crate) name: String,
    pub(crate) active: bool,
    /// The weekly calendar as JSON text; empty means always open.
    pub(crate) hours: String,
}

/// A company as tenancy-admin announced it last.
pub(crate) struct Company {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) time_zone: String,
}

/// Gives a new ticket of the department to somebody. The agent stays locked until
/// the transaction ends, so that tickets that come at the same time go to
/// different agents where there are several.
pub(crate) async fn assign(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: i64,
    department: i64,
) -> Result<Option<i64>, sqlx::Error> {
    let free = store::least_loaded(db, company, department).await?;
    let agent = match free {
        Some(agent) => Some(agent),
        // All may be in other hands at this moment; a ticket shall not wait because
        // of that.
        None => store::least_loaded_even_if_locked(db, company, department).await?,
    };
    if let Some(agent) = agent {
        store::note_assignment(db, agent, now).await?;
    }
    Ok(agent)
}
