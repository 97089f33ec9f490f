//! Who calls.

use auth::{
    Authority, Caller, ClientCaller, ClientId, CompanyId, DepartmentId, Role, SessionId,
    UserCaller, UserId,
};
use uuid::Uuid;

use super::COMPANY;

/// The connector, for itself.
pub fn connector() -> Caller {
    Caller::service("channel-connector")
}

/// The edge, on behalf of a user with a client that may do everything.
pub fn user(role: Role, id: i64, company: i64, department: Option<i64>) -> Caller {
    Caller {
        user: Some(UserCaller {
            id: UserId(id),
            name: format!("Agente {id}"),
            role,
            company: CompanyId(company),
            department: department.map(DepartmentId),
            session: SessionId(Uuid::nil()),
        }),
        ..client(Authority::Platform, company)
    }
}

/// The admin of the company of most tests.
pub fn admin() -> Caller {
    user(Role::Admin, 2, COMPANY, None)
}

/// The edge, on behalf of an API client alone.
pub fn client(authority: Authority, company: i64) -> Caller {
    Caller {
        client: Some(ClientCaller {
            id: ClientId(1),
            authority,
            company: Some(CompanyId(company)),
            scopes: Vec::new(),
        }),
        ..Caller::service("edge")
    }
}
