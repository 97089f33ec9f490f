//! Who may do what with users: one table, which the operations ask and the tests
//! walk. Confinement to a company is [`auth::TenantScope`]'s, in the SQL.

use auth::{Authority, Caller, CompanyId, Role, UserId};

/// In whose name somebody calls, where the rights of an API client and of a user
/// meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user of type 1, or a client of the platform by itself.
    Super,
    /// A user of type 2, or a client of a company by itself.
    Admin,
    /// A user of type 3.
    Chat,
    /// Tenancy-admin for itself: it makes the first user of a company.
    Tenancy,
    /// Another service for itself.
    Service,
}

/// Something to do with users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See lists of users.
    List,
    /// See one user.
    Show,
    /// See the figures of a company.
    Count,
    /// Create a user.
    Create,
    /// See a picture.
    SeePicture,
    /// Replace or remove a picture.
    ChangePicture,
    /// Change a user at all; which fields, the others say.
    Change,
    /// Change the company's own code.
    ChangeCode,
    /// Change the name.
    ChangeName,
    /// Change the login address.
    ChangeEmail,
    /// Change the number.
    ChangePhone,
    /// Give another password.
    ChangePassword,
    /// Give another type.
    ChangeRole,
    /// Change the flag.
    ChangeOnline,
    /// Move to another company.
    ChangeCompany,
    /// Move to another department.
    ChangeDepartment,
    /// Switch on or off.
    Switch,
}

/// With whom a principal may do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// With nobody.
    Nobody,
    /// With themselves; others do not exist for them.
    Themselves,
    /// With the users of types 2 and 3 of their company.
    Staff,
    /// With everybody of their company.
    Company,
    /// With everybody.
    Everybody,
}

/// One row: super, admin, chat, tenancy-admin, other services.
pub type Rule = (Action, [Reach; 5]);

/// The columns of [`RULES`].
pub const PRINCIPALS: [Principal; 5] = [
    Principal::Super,
    Principal::Admin,
    Principal::Chat,
    Principal::Tenancy,
    Principal::Service,
];

/// The whole table.
pub const RULES: &[Rule] = {
    use Action as A;
    use Reach::{Company, Everybody, Nobody, Staff, Themselves};
    &[
        (A::List, [Everybody, Company, Nobody, Nobody, Nobody]),
        (
            A::Show,
            [Everybody, Company, Themselves, Everybody, Everybody],
        ),
        (A::Count, [Everybody, Company, Nobody, Nobody, Nobody]),
        (A::Create, [Everybody, Staff, Nobody, Staff, Nobody]),
        (A::SeePicture, [Everybody, Company, Company, Nobody, Nobody]),
        (
            A::ChangePicture,
            [Everybody, Staff, Themselves, Nobody, Nobody],
        ),
        (A::Change, [Everybody, Staff, Themselves, Nobody, Nobody]),
        (A::ChangeCode, [Everybody, Staff, Nobody, Nobody, Nobody]),
        (
            A::ChangeName,
            [Everybody, Staff, Themselves, Nobody, Nobody],
        ),
        (A::ChangeEmail, [Everybody, Staff, Nobody, Nobody, Nobody]),
        (
            A::ChangePhone,
            [Everybody, Staff, Themselves, Nobody, Nobody],
        ),
        (
            A::ChangePassword,
            [Everybody, Staff, Themselves, Nobody, Nobody],
        ),
        (A::ChangeRole, [Everybody, Staff, Nobody, Nobody, Nobody]),
        (
            A::ChangeOnline,
            [Everybody, Staff, Themselves, Nobody, Nobody],
        ),
        (
            A::ChangeCompany,
            [Everybody, Nobody, Nobody, Nobody, Nobody],
        ),
        (
            A::ChangeDepartment,
            [Everybody, Staff, Nobody, Nobody, Nobody],
        ),
        (A::Switch, [Everybody, Staff, Nobody, Nobody, Nobody]),
    ]
};

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The user does not exist for the caller.
    Hidden,
    /// The caller's role is too low.
    Denied,
}

/// A user as the table sees it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The id.
    pub id: UserId,
    /// The company.
    pub company: CompanyId,
    /// The type.
    pub role: Role,
}

impl Principal {
    /// The principal of a verified caller; none for who may do nothing here, as a
    /// delegated client without a user.
    pub fn of(caller: &Caller) -> Option<Self> {
        let of_user = caller.user.as_ref().map(|user| match user.role {
            Role::Super => Self::Super,
            Role::Admin => Self::Admin,
            Role::Chat => Self::Chat,
        });
        let client = caller.client.as_ref().map(|client| client.authority);
        match (client, of_user) {
            // The client of a company never lends more than its company has.
            (Some(Authority::Company), None | Some(Self::Super)) => Some(Self::Admin),
            (Some(Authority::Platform), None) => Some(Self::Super),
            (Some(Authority::Delegated), None) => None,
            (_, Some(user)) => Some(user),
            (None, None) => match &*caller.service {
                "edge" => None,
                "tenancy-admin" => Some(Self::Tenancy),
                _ => Some(Self::Service),
            },
        }
    }

    fn column(self) -> usize {
        match self {
            Self::Super => 0,
            Self::Admin => 1,
            Self::Chat => 2,
            Self::Tenancy => 3,
            Self::Service => 4,
        }
    }

    /// With whom this principal may do something.
    pub fn reach(self, action: Action) -> Reach {
        RULES
            .iter()
            .find(|(row, _)| *row == action)
            .map_or(Reach::Nobody, |(_, reaches)| reaches[self.column()])
    }

    /// Says whether this principal may make somebody of a role, or make somebody
    /// one: nobody gives what is above their own.
    pub fn gives(self, role: Role) -> bool {
        match self.reach(Action::Create) {
            Reach::Everybody => true,
            Reach::Company | Reach::Staff => role != Role::Super,
            Reach::Themselves | Reach::Nobody => false,
        }
    }
}

/// Judges whether a caller may do something at all.
pub fn admit(caller: &Caller, action: Action) -> Result<Principal, Refused> {
    Principal::of(caller)
        .filter(|principal| principal.reach(action) != Reach::Nobody)
        .ok_or(Refused::Denied)
}

/// Judges whether a caller may do something with a user, who was found in the
/// caller's scope.
pub fn judge(caller: &Caller, action: Action, target: Target) -> Result<(), Refused> {
    let principal = Principal::of(caller).ok_or(Refused::Denied)?;
    if !caller.scope().contains(target.company) {
        return Err(Refused::Hidden);
    }
    let reach = principal.reach(action);
    match reach {
        Reach::Everybody | Reach::Company => Ok(()),
        Reach::Staff if target.role != Role::Super => Ok(()),
        Reach::Themselves if is_self(caller, target.id) => Ok(()),
        Reach::Themselves => Err(Refused::Hidden),
        Reach::Staff | Reach::Nobody => Err(Refused::Denied),
    }
}

/// Says whether the caller is that user.
pub fn is_self(caller: &Caller, user: UserId) -> bool {
    caller.user.as_ref().is_some_and(|own| own.id == user)
}
