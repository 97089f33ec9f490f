//! Security events: what happened to accounts and credentials, written in the
//! transaction of the change, so that neither is without the other.

mod store;

use auth::{Caller, ClientId, CompanyId, UserId};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    LoggedIn,
    LoginRefused,
    LoggedOut,
    TokenRefreshed,
    TokenReused,
    Revoked,
    PinEnrolled,
    PinRemoved,
    PinLocked,
    PasswordChanged,
    PasswordRehashed,
    ResetRequested,
    ResetProbed,
    UserCreated,
    UserChanged,
    UserEnabled,
    UserDisabled,
    RoleChanged,
    PictureChanged,
    ClientCreated,
    ClientRotated,
    ClientDisabled,
    SystemTokenSet,
    SystemTokenIssued,
    SystemTokenRedeemed,
    InternalUsersRead,
    SynologyBound,
    SigningKeyMade,
}

impl Kind {
    /// The name in the table, such as `user.disabled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LoggedIn => "login.accepted",
            Self::LoginRefused => "login.refused",
            Self::LoggedOut => "session.ended",
            Self::TokenRefreshed => "session.refreshed",
            Self::TokenReused => "session.token_reused",
            Self::Revoked => "tokens.revoked",
            Self::PinEnrolled => "pin.enrolled",
            Self::PinRemoved => "pin.removed",
            Self::PinLocked => "pin.locked",
            Self::PasswordChanged => "password.changed",
            Self::PasswordRehashed => "password.rehashed",
            Self::ResetRequested => "password.reset_requested",
            Self::ResetProbed => "password.reset_probed",
            Self::UserCreated => "user.created",
            Self::UserChanged => "user.changed",
            Self::UserEnabled => "user.enabled",
            Self::UserDisabled => "user.disabled",
            Self::RoleChanged => "user.role_changed",
            Self::PictureChanged => "user.picture_changed",
            Self::ClientCreated => "client.created",
            Self::ClientRotated => "client.rotated",
            Self::ClientDisabled => "client.disabled",
            Self::SystemTokenSet => "system.token_set",
            Self::SystemTokenIssued => "system.token_issued",
            Self::SystemTokenRedeemed => "system.token_redeemed",
            Self::InternalUsersRead => "internal_user.read",
            Self::SynologyBound => "internal_user.synology_bound",
            Self::SigningKeyMade => "signing_key.made",
        }
    }
}

/// Something that happened, to whom.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    pub kind: Kind,
    pub company: Option<CompanyId>,
    pub user: Option<UserId>,
    pub client: Option<ClientId>,
    /// An object of what is worth knowing besides: never a secret, an address or
    /// a number of a person.
    pub details: Value,
}

impl SecurityEvent {
    /// Something that happened to a user.
    pub fn of_user(kind: Kind, company: CompanyId, user: UserId) -> Self {
        Self {
            kind,
            company: Some(company),
            user: Some(user),
            client: None,
            details: Value::Object(serde_json::Map::new()),
        }
    }

    /// Something that happened to an API client.
    pub fn of_client(kind: Kind, company: Option<CompanyId>, client: ClientId) -> Self {
        Self {
            kind,
            company,
            user: None,
            client: Some(client),
            details: Value::Object(serde_json::Map::new()),
        }
    }

    /// Something that happened to nobody in particular.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            company: None,
            user: None,
            client: None,
            details: Value::Object(serde_json::Map::new()),
        }
    }

    /// The same with an object of details.
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// Writes an event in the transaction of the change; `by` is who caused it.
pub async fn record(
    db: &mut PgConnection,
    now: OffsetDateTime,
    by: &Caller,
    event: SecurityEvent,
) -> Result<(), sqlx::Error> {
    store::insert(db, now, by, event).await
}
