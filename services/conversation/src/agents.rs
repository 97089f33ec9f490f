//! Agents and departments as other services announce them, and who of them gets
//! a new chat.

mod store;

use auth::{CompanyId, DepartmentId, UserId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    chats::{self, Viewer},
    error::Error,
};

pub(crate) use store::put_department;

/// A user as identity announced it last.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    /// The id.
    pub(crate) id: UserId,
    /// The company.
    pub(crate) company: CompanyId,
    /// The department, if there is one.
    pub(crate) department: Option<DepartmentId>,
    /// 1 super, 2 admin, 3 chat.
    pub(crate) role: i16,
    /// The display name.
    pub(crate) name: String,
    /// The login address.
    pub(crate) email: String,
    /// Whether the user may be given chats.
    pub(crate) active: bool,
}

impl Agent {
    /// Whether the user works on chats of the company.
    pub(crate) fn serves(&self, company: CompanyId) -> bool {
        self.company == company && matches!(self.role, 2 | 3)
    }
}

/// A department as tenancy-admin announced it last.
#[derive(Clone, Debug)]
pub(crate) struct Department {
    /// The id.
    pub(crate) id: DepartmentId,
    /// The company.
    pub(crate) company: CompanyId,
    /// The display name.
    pub(crate) name: String,
    /// Whether chats may be routed to it.
    pub(crate) active: bool,
    /// The weekly calendar as JSON text; empty means always open.
    pub(crate) hours: String,
}

/// Where a new chat goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    /// The department; none when the company has no active one.
    pub(crate) department: Option<DepartmentId>,
    /// The agent; none when nobody of the department is there.
    pub(crate) agent: Option<(UserId, String)>,
}

/// Takes the announced state of a user. Open chats that the user may no longer
/// work on wait for somebody else from then on.
pub(crate) async fn take_user(db: &mut PgConnection, user: &Agent) -> Result<(), Error> {
    // First, because chats are locked before agents everywhere; and again, for a
    // chat that was given to the user meanwhile.
    chats::release(db, user).await?;
    store::put_agent(db, user).await?;
    chats::release(db, user).await?;
    Ok(())
}

/// The department and the least loaded agent for a new chat. The agent stays
/// locked until the transaction ends, so that chats that come at the same time
/// go to different agents where there are several.
pub(crate) async fn route(
    db: &mut PgConnection,
    company: CompanyId,
    now: OffsetDateTime,
) -> Result<Route, Error> {
    let Some(department) = store::first_department(db, company).await? else {
        return Ok(Route::default());
    };
    let free = store::least_loaded(db, company, department).await?;
    let agent = match free {
        Some(agent) => Some(agent),
        // All may be in other hands at this moment; a chat shall not wait because
        // of that.
        None => store::least_loaded_even_if_locked(db, company, department).await?,
    };
    if let Some((agent, _)) = &agent {
        store::note_assignment(db, *agent, now).await?;
    }
    Ok(Route {
        department: Some(department),
        agent,
    })
}

/// An active user who may write in the name of the company: one of its own, or a
/// super.
pub(crate) async fn sender(
    db: &mut PgConnection,
    company: CompanyId,
    user: UserId,
) -> Result<Option<Agent>, Error> {
    let found = store::find(db, user).await?;
    Ok(found.filter(|agent| agent.active && (agent.company == company || agent.role == 1)))
}

/// Notes that an agent was given a chat.
pub(crate) async fn note_assignment(
    db: &mut PgConnection,
    user: UserId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    Ok(store::note_assignment(db, user, now).await?)
}

/// Everybody who may take a chat that waits: the agents of its department, or of
/// the company when it has none; the admins when there is no agent at all.
pub(crate) async fn waiting_audience(
    db: &mut PgConnection,
    company: CompanyId,
    department: Option<DepartmentId>,
) -> Result<Vec<i64>, Error> {
    let agents = store::active_of(db, company, department, 3).await?;
    if agents.is_empty() {
        return Ok(store::active_of(db, company, None, 2).await?);
    }
    Ok(agents)
}

/// The active users of the viewer's company but the viewer, in the order of their
/// names, and how many there are. `name` keeps those whose name contains it.
pub(crate) async fn list(
    db: &mut PgConnection,
    viewer: &Viewer,
    name: &str,
    page: postgres::Page,
) -> Result<(Vec<Agent>, i64), Error> {
    if !viewer.scope.contains(viewer.company) {
        return Ok((Vec::new(), 0));
    }
    let agents = store::colleagues(db, viewer.company, viewer.id, name, page).await?;
    let total = store::count_colleagues(db, viewer.company, viewer.id, name).await?;
    Ok((agents, total))
}
