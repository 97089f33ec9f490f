//! The caller of an RPC as a context token names it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    TenantScope,
    ids::{BitacoraId, ClientId, CompanyId, DepartmentId, SessionId, UserId},
};

/// How far an API client may act without a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// For every company.
    Platform,
    /// For its own company.
    Company,
    /// Only together with a user.
    Delegated,
}

/// The documented type of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Type 1, of the platform.
    Super,
    /// Type 2, of a company.
    Admin,
    /// Type 3, an agent.
    Chat,
}

impl Role {
    /// The documented number.
    pub fn number(self) -> i16 {
        match self {
            Self::Super => 1,
            Self::Admin => 2,
            Self::Chat => 3,
        }
    }

    /// The role of a documented number.
    pub fn of(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Super),
            2 => Some(Self::Admin),
            3 => Some(Self::Chat),
            _ => None,
        }
    }
}

/// The API client on whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientCaller {
    /// The id.
    pub id: ClientId,
    /// How far it may act without a user.
    pub authority: Authority,
    /// Its company, or the home company of a platform client.
    pub company: Option<CompanyId>,
    /// Extra rights, such as `crm:read`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// The user on whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserCaller {
    /// The id.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The type.
    pub role: Role,
    /// The company.
    pub company: CompanyId,
    /// The department, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// The session of the bearer token.
    pub session: SessionId,
}

/// Everything a context token says, verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caller {
    /// The calling service, such as `edge`.
    #[serde(rename = "svc")]
    pub service: Arc<str>,
    /// The API client, if one is behind the call.
    #[serde(rename = "cli", default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientCaller>,
    /// The user, if one is behind the call.
    #[serde(rename = "usr", default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserCaller>,
    /// The row of the access log the call belongs to. The edge says it beside the
    /// token, so that one token serves many requests.
    #[serde(rename = "bid", default, skip_serializing_if = "Option::is_none")]
    pub bitacora: Option<BitacoraId>,
    /// The id of the request, for logs; empty when there is none. It comes beside
    /// the token as well.
    #[serde(rename = "rid", default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

impl Caller {
    /// A service that acts for itself.
    pub fn service(name: &str) -> Self {
        Self {
            service: name.into(),
            client: None,
            user: None,
            bitacora: None,
            request_id: String::new(),
        }
    }

    /// Says whether a service calls for itself, with nobody behind it.
    pub fn is_service(&self, name: &str) -> bool {
        &*self.service == name && self.client.is_none() && self.user.is_none()
    }

    /// The companies this caller may touch: the rights of the API client and of
    /// the user, whichever is narrower. A delegated client without a user, and an
    /// edge call with neither, may touch none.
    pub fn scope(&self) -> TenantScope {
        let user = self.user.as_ref().map(|user| match user.role {
            Role::Super => TenantScope::all(),
            Role::Admin | Role::Chat => TenantScope::company(user.company),
        });
        let client = self
            .client
            .as_ref()
            .map(|client| match (client.authority, client.company) {
                (Authority::Platform, _) => TenantScope::all(),
                (Authority::Company, Some(company)) => TenantScope::company(company),
                (Authority::Delegated, _) if self.user.is_some() => TenantScope::all(),
                (Authority::Company, None) | (Authority::Delegated, _) => TenantScope::none(),
            });
        match (client, user) {
            (Some(client), Some(user)) => client.intersect(user),
            (Some(scope), None) | (None, Some(scope)) => scope,
            (None, None) if &*self.service == "edge" => TenantScope::none(),
            (None, None) => TenantScope::all(),
        }
    }

    /// The companies this caller may touch where the documents let a delegated
    /// client come without a user, as when a guest registers: its own company then.
    pub fn scope_without_user(&self) -> TenantScope {
        match (&self.client, &self.user) {
            (Some(client), None) if client.authority == Authority::Delegated => client
                .company
                .map_or(TenantScope::none(), TenantScope::company),
            _ => self.scope(),
        }
    }

    /// The company that operations without a company of their own work on: that
    /// of the user, else that of the API client.
    pub fn home_company(&self) -> Option<CompanyId> {
        let of_user = self.user.as_ref().map(|user| user.company);
        of_user.or_else(|| self.client.as_ref().and_then(|client| client.company))
    }

    /// Says whether the API client holds an extra right.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.client
            .as_ref()
            .is_some_and(|client| client.scopes.iter().any(|held| held == scope))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn client(authority: Authority, company: Option<i64>) -> ClientCaller {
        ClientCaller {
            id: ClientId(1),
            authority,
            company: company.map(CompanyId),
            scopes: vec![],
        }
    }

    fn user(role: Role, company: i64) -> UserCaller {
        UserCaller {
            id: UserId(7),
            name: "Agente 1".into(),
            role,
            company: CompanyId(company),
            department: None,
            session: SessionId(Uuid::nil()),
        }
    }

    fn scope(client: Option<ClientCaller>, user: Option<UserCaller>) -> TenantScope {
        Caller {
            client,
            user,
            ..Caller::service("edge")
        }
        .scope()
    }

    #[test]
    fn the_narrower_right_wins() {
        let platform = || Some(client(Authority::Platform, Some(3)));
        let bound = || Some(client(Authority::Company, Some(3)));
        let delegated = || Some(client(Authority::Delegated, None));
        assert!(scope(platform(), None).contains(CompanyId(4)));
        assert!(!scope(bound(), None).contains(CompanyId(4)));
        assert!(!scope(platform(), Some(user(Role::Admin, 3))).contains(CompanyId(4)));
        assert!(!scope(bound(), Some(user(Role::Super, 1))).contains(CompanyId(4)));
        assert!(scope(bound(), Some(user(Role::Super, 1))).contains(CompanyId(3)));
        assert!(!scope(bound(), Some(user(Role::Admin, 4))).contains(CompanyId(3)));
        assert!(!scope(bound(), Some(user(Role::Admin, 4))).contains(CompanyId(4)));
        assert!(!scope(delegated(), None).contains(CompanyId(3)));
        assert!(scope(delegated(), Some(user(Role::Chat, 3))).contains(CompanyId(3)));
        assert!(!scope(None, None).contains(CompanyId(3)));
        assert!(
            Caller::service("channel-connector")
                .scope()
                .contains(CompanyId(3))
        );
    }
}
