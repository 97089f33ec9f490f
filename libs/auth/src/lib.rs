//! Who calls: typed ids, context tokens, the caller they name, and the tenant
//! scope that every query on tenant data takes.
//!
//! The edge mints a token for each request, services get theirs from identity;
//! both are verified here by whoever is called. [`TenantScope`] can be made from
//! a verified [`Caller`] only, so a query cannot be confined by an id that came
//! in a body.

mod access;
mod cache;
mod call;
mod context;
mod gate;
mod ids;
mod keys;
mod network;
pub mod opaque;
mod scope;
mod tokens;

pub use access::{ACCESS_TYPE, AccessClaims, AccessKeys, BadToken, LONGEST_TOKEN};
pub use cache::Cache;
pub use call::{Call, Credential, caller};
pub use context::{Authority, Caller, ClientCaller, Role, UserCaller};
pub use gate::ContextGate;
pub use ids::{
    BitacoraId, ChannelId, ChatId, ClientId, CompanyId, DepartmentId, GuestId, MessageId,
    SessionId, UserId,
};
pub use keys::{ContextKeys, ContextSigner, ContextVerifier, KeyError, LIFETIME, generate};
pub use network::{Network, NotANetwork};
pub use scope::TenantScope;
pub use tokens::ServiceTokens;
