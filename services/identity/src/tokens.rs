//! Bearer tokens in both shapes: made from what the database says of a session,
//! and read back. Making one twice gives the same text.

use std::sync::Arc;

use auth::{
    AccessClaims, ClientId, CompanyId, DepartmentId, Role, UserId,
    opaque::{self, OpaqueToken},
};
use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use chassis::config::Secret;
use proto::identity::v1::TokenShape;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::Error, keys::KeyRing};

/// Keeps what is derived here apart from the other uses of the pepper.
const PURPOSE: &[u8] = b"atencion opaque token\0";

/// The format of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A signed access token.
    Jwt,
    /// "id|secret with checksum".
    Opaque,
}

impl Shape {
    /// The word in the database.
    pub fn text(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }

    /// The shape that a word in the database means.
    pub fn of(text: &str) -> Self {
        if text == "opaque" {
            Self::Opaque
        } else {
            Self::Jwt
        }
    }
}

impl From<TokenShape> for Shape {
    fn from(shape: TokenShape) -> Self {
        match shape {
            TokenShape::Opaque => Self::Opaque,
            TokenShape::Jwt | TokenShape::Unspecified => Self::Jwt,
        }
    }
}

/// What a token says.
pub struct Facts {
    pub shape: Shape,
    pub number: i64,
    pub sid: Uuid,
    pub family: Uuid,
    pub generation: i32,
    pub epoch: i64,
    pub token_id: Uuid,
    pub made_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub client: ClientId,
    pub user: UserId,
    pub company: CompanyId,
    pub department: Option<DepartmentId>,
    pub role: Role,
}

/// A token as somebody presents it.
pub enum Presented {
    /// Signed by us, for us, not expired.
    Jwt(AccessClaims),
    /// Of the right shape; whether the secret is right shows when the session is
    /// known.
    Opaque {
        number: i64,
        generation: i32,
        secret: Secret,
    },
}

/// Makes and reads tokens.
pub struct Tokens {
    keys: Arc<KeyRing>,
    secrets: hmac::Key,
}

impl Tokens {
    /// Signs with the keys; the secrets of opaque tokens are derived from the
    /// pepper, so that none is stored.
    pub fn new(keys: Arc<KeyRing>, pepper: &Secret) -> Self {
        Self {
            keys,
            secrets: hmac::Key::new(hmac::HMAC_SHA256, pepper.expose().as_bytes()),
        }
    }

    /// The token that says this.
    pub fn make(&self, facts: &Facts) -> Result<String, Error> {
        match facts.shape {
            Shape::Opaque => Ok(OpaqueToken::write(
                facts.number,
                facts.generation,
                &self.secret(facts.sid, facts.generation),
            )),
            Shape::Jwt => self.keys.sign(&AccessClaims {
                iss: self.keys.issuer().to_owned(),
                aud: self.keys.audience().to_owned(),
                sub: facts.user.to_string(),
                sid: facts.sid,
                family: Some(facts.family).filter(|family| *family != facts.sid),
                generation: facts.generation,
                epoch: facts.epoch,
                client: facts.client.0,
                company: facts.company.0,
                department: facts.department.map(|department| department.0),
                role: facts.role.number(),
                iat: facts.made_at.unix_timestamp(),
                exp: facts.expires_at.unix_timestamp(),
                jti: facts.token_id,
            }),
        }
    }

    /// Reads a token of either shape; everything else is refused without a look
    /// into the database.
    pub async fn read(&self, token: &str) -> Result<Presented, Error> {
        if let Some(read) = OpaqueToken::parse(token) {
            return Ok(Presented::Opaque {
                number: read.number,
                generation: read.generation,
                secret: Secret::new(read.secret),
            });
        }
        Ok(Presented::Jwt(self.keys.verify(token).await?))
    }

    /// Says whether an opaque token of a session has the right secret.
    pub fn proves(&self, sid: Uuid, generation: i32, secret: &Secret) -> bool {
        let wanted = self.secret(sid, generation);
        verify_slices_are_equal(wanted.as_bytes(), secret.expose().as_bytes()).is_ok()
    }

    fn secret(&self, sid: Uuid, generation: i32) -> String {
        let mut context = hmac::Context::with_key(&self.secrets);
        context.update(PURPOSE);
        context.update(sid.as_bytes());
        context.update(&generation.to_be_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        opaque::secret(digest)
    }
}
