//! Who may do what with the nouns of this service, as a table. It decides every
//! call; the tests walk it row by row.

use auth::{Authority, Caller, Role, TenantScope};

use crate::error::Error;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Lists companies with their tokens and balances.
    ListCompanies,
    /// Reads one company.
    ReadCompany,
    /// Creates, changes or deletes a company.
    WriteCompanies,
    /// Reads plans.
    ReadPlans,
    /// Creates and switches plans.
    WritePlans,
    /// Reads departments and holidays.
    ReadDepartments,
    /// Creates, changes and switches departments, and sets holidays.
    WriteDepartments,
    /// Reads FAQs.
    ReadFaqs,
    /// Creates, changes and switches FAQs.
    WriteFaqs,
}

/// Whose things a caller may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those of every company.
    All,
    /// Those of the own company.
    Own,
    /// Nothing: the caller may not do this at all.
    Nothing,
}

/// What a caller counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// A user of type 1, or an API client of the platform alone.
    Super,
    /// A user of type 2, or an API client of a company alone.
    Admin,
    /// A user of type 3.
    Chat,
    /// A service that acts for itself.
    Service,
    /// Somebody without any right, such as a delegated client without a user.
    Nobody,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// What is done.
    pub action: Action,
    /// How far a super user may do it.
    pub of_super: Reach,
    /// How far an admin may do it.
    pub of_admin: Reach,
    /// How far an agent may do it.
    pub of_chat: Reach,
    /// How far a service may do it.
    pub of_service: Reach,
}

const fn right(action: Action, [of_super, of_admin, of_chat, of_service]: [Reach; 4]) -> Right {
    Right {
        action,
        of_super,
        of_admin,
        of_chat,
        of_service,
    }
}

/// The table: super, admin, agent, service.
pub static MATRIX: &[Right] = {
    use Action::{
        ListCompanies, ReadCompany, ReadDepartments, ReadFaqs, ReadPlans, WriteCompanies,
        WriteDepartments, WriteFaqs, WritePlans,
    };
    use Reach::{All, Nothing, Own};
    &[
        right(ListCompanies, [All, Nothing, Nothing, Nothing]),
        right(ReadCompany, [All, Own, Nothing, All]),
        right(WriteCompanies, [All, Nothing, Nothing, Nothing]),
        right(ReadPlans, [All, All, Nothing, Nothing]),
        right(WritePlans, [All, Nothing, Nothing, Nothing]),
        right(ReadDepartments, [All, Own, Own, All]),
        right(WriteDepartments, [All, Own, Nothing, Nothing]),
        right(ReadFaqs, [All, Own, Own, All]),
        right(WriteFaqs, [All, Own, Nothing, Nothing]),
    ]
};

/// What a caller counts as: the API client or the user, whichever is lower.
pub fn rank(caller: &Caller) -> Rank {
    let of_user = caller.user.as_ref().map(|user| match user.role {
        Role::Super => Rank::Super,
        Role::Admin => Rank::Admin,
        Role::Chat => Rank::Chat,
    });
    let of_client = caller.client.as_ref().map(|client| client.authority);
    match (of_client, of_user) {
        (Some(Authority::Company), None | Some(Rank::Super)) => Rank::Admin,
        (Some(Authority::Platform), None) => Rank::Super,
        (Some(Authority::Delegated), None) => Rank::Nobody,
        (_, Some(rank)) => rank,
        (None, None) if &*caller.service == "edge" => Rank::Nobody,
        (None, None) => Rank::Service,
    }
}

impl Right {
    /// How far somebody of a rank may go.
    pub fn reach(&self, rank: Rank) -> Reach {
        match rank {
            Rank::Super => self.of_super,
            Rank::Admin => self.of_admin,
            Rank::Chat => self.of_chat,
            Rank::Service => self.of_service,
            Rank::Nobody => Reach::Nothing,
        }
    }
}

/// The companies in which a caller may do something; refused where it is nobody's
/// business at all.
pub(crate) fn permit(caller: &Caller, action: Action) -> Result<TenantScope, Error> {
    let rank = rank(caller);
    let reach = MATRIX
        .iter()
        .find(|right| right.action == action)
        .map_or(Reach::Nothing, |right| right.reach(rank));
    let scope = caller.scope();
    match reach {
        Reach::All => Ok(scope),
        // The scope says the same in other words; where it did not, the narrower
        // word counts.
        Reach::Own if scope.confine().is_some() => Ok(scope),
        Reach::Own | Reach::Nothing => Err(Error::Forbidden),
    }
}
