//! Ids that cannot be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// The id of a protobuf field, where 0 says that there is none.
            pub fn present(value: i64) -> Option<Self> {
                (value != 0).then_some(Self(value))
            }

            /// The value for a protobuf field, 0 for none.
            pub fn or_zero(id: Option<Self>) -> i64 {
                id.map_or(0, |id| id.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A company, the tenant.
    CompanyId;
    /// A user of a company.
    UserId;
    /// A department of a company.
    DepartmentId;
    /// An API client (X-User-Consumo).
    ClientId;
    /// A row of the access log.
    BitacoraId;
    /// A channel of a company.
    ChannelId;
    /// A chat.
    ChatId;
    /// A message of a chat.
    MessageId;
    /// Somebody who writes to a company.
    GuestId;
}

/// A session of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
