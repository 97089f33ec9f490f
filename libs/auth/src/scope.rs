//! Which companies a caller may touch.

use crate::ids::CompanyId;

/// The companies a verified caller may touch. It is made by
/// [`crate::Caller::scope`] and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantScope(Reach);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    All,
    Company(CompanyId),
    None,
}

impl TenantScope {
    pub(crate) fn all() -> Self {
        Self(Reach::All)
    }

    pub(crate) fn company(company: CompanyId) -> Self {
        Self(Reach::Company(company))
    }

    pub(crate) fn none() -> Self {
        Self(Reach::None)
    }

    pub(crate) fn intersect(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Reach::All, reach) | (reach, Reach::All) => Self(reach),
            (Reach::Company(a), Reach::Company(b)) if a == b => Self(Reach::Company(a)),
            _ => Self(Reach::None),
        }
    }

    /// Says whether a company is within reach.
    pub fn contains(self, company: CompanyId) -> bool {
        match self.0 {
            Reach::All => true,
            Reach::Company(own) => own == company,
            Reach::None => false,
        }
    }

    /// The value for `($n::bigint IS NULL OR company_id = $n)`: nothing confines
    /// whoever may touch all companies. No company has the id 0, so that is what
    /// somebody without reach is confined to.
    pub fn confine(self) -> Option<i64> {
        match self.0 {
            Reach::All => None,
            Reach::Company(company) => Some(company.0),
            Reach::None => Some(0),
        }
    }
}
