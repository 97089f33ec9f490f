//! Access tokens: what the signed bearer tokens of users say, and how whoever
//! holds the public keys verifies them.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The media type in the header of an access token (RFC 9068).
pub const ACCESS_TYPE: &str = "at+jwt";

/// Longer texts are no token of ours and are not looked at.
pub const LONGEST_TOKEN: usize = 4096;

/// The claims of an access token. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who made it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The id of the user, as text.
    pub sub: String,
    /// The session.
    pub sid: Uuid,
    /// What the session has in common with those of the same login; absent when
    /// that is the session itself.
    #[serde(rename = "fam", default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Uuid>,
    /// The generation of the token in its session.
    #[serde(rename = "gen")]
    pub generation: i32,
    /// The head of the revocation log when the owner was checked.
    #[serde(rename = "ep")]
    pub epoch: i64,
    /// The API client through which the session was opened.
    #[serde(rename = "cli")]
    pub client: i64,
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

impl AccessClaims {
    /// The id of the user.
    pub fn user(&self) -> Option<i64> {
        self.sub.parse().ok()
    }
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is forged, expired, for somebody else or no token at all.
    #[error("the access token is not valid")]
    Invalid,
    /// The key it names is not among those that are known here.
    #[error("the access token names an unknown key")]
    UnknownKey,
}

/// The public keys that sign access tokens.
#[derive(Default)]
pub struct AccessKeys(HashMap<String, TrustedKey>);

struct TrustedKey {
    key: DecodingKey,
    validation: Validation,
    /// When its last token expires, in seconds since the Unix epoch.
    not_after: Option<i64>,
}

impl AccessKeys {
    /// Trusts an Ed25519 key of 32 bytes for tokens of `issuer` to `audience`.
    pub fn trust(
        &mut self,
        kid: String,
        public_key: &[u8],
        issuer: &str,
        audience: &str,
        not_after: Option<i64>,
    ) {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Expiry is judged by the clock of the caller, so that tests can set it.
        validation.validate_exp = false;
        let trusted = TrustedKey {
            key: DecodingKey::from_ed_der(public_key),
            validation,
            not_after,
        };
        self.0.insert(kid, trusted);
    }

    /// What a token says, if one of the keys signed it and it has not expired at
    /// `now`, in seconds since the Unix epoch. The algorithm is that of the key,
    /// whatever the header says.
    pub fn verify(&self, token: &str, now: i64) -> Result<AccessClaims, BadToken> {
        if token.len() > LONGEST_TOKEN {
            return Err(BadToken::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken::Invalid)?;
        if header.typ.as_deref() != Some(ACCESS_TYPE) || header.alg != Algorithm::EdDSA {
            return Err(BadToken::Invalid);
        }
        let kid = header.kid.ok_or(BadToken::Invalid)?;
        let trusted = self.0.get(&kid).ok_or(BadToken::UnknownKey)?;
        if trusted.not_after.is_some_and(|end| now >= end) {
            return Err(BadToken::Invalid);
        }
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &trusted.key, &trusted.validation)
            .map_err(|_| BadToken::Invalid)?
            .claims;
        if now >= claims.exp {
            return Err(BadToken::Invalid);
        }
        Ok(claims)
    }
}
