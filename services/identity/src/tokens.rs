//! What an access token says.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// The media type in the header of an access token (RFC 9068).
pub const TYPE: &str = "at+jwt";

/// Longer texts are no token of ours and are not looked at.
pub const LONGEST: usize = 4096;

/// The claims of an access token. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The id of the user, as text.
    pub sub: String,
    /// The session.
    pub sid: Uuid,
    /// The generation of the token in its session.
    #[serde(rename = "gen")]
    pub generation: i32,
    /// The epoch of the user at the login.
    #[serde(rename = "ep")]
    pub epoch: i64,
    /// The company.
    #[serde(rename = "co")]
    pub company: i64,
    /// The department, if there is one.
    #[serde(rename = "dep", default, skip_serializing_if = "Option::is_none")]
    pub department: Option<i64>,
    /// The documented type of the user.
    #[serde(rename = "ty")]
    pub role: i16,
    /// When it was made.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// Tells it from every other token.
    pub jti: Uuid,
}

impl Claims {
    /// The id of the user.
    pub fn user(&self) -> Option<i64> {
        self.sub.parse().ok()
    }

    /// Says whether it has ended.
    pub fn expired(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= self.exp
    }
}
