//! `KeyService`: the public halves, for whoever checks tokens.

use chassis::Clock;
use proto::identity::v1::{
    KeyUse, ListPublicKeysRequest, ListPublicKeysResponse, PublicKey,
    key_service_server::KeyService,
};
use sqlx::PgPool;
use tonic::{Request, Response, Status};

use super::{MAX_AGE, StoredKey, store};
use crate::{error::Error, wire::timestamp};

/// Answers which keys sign access tokens.
pub struct KeyDirectory {
    pool: PgPool,
    issuer: String,
    clock: Clock,
}

impl KeyDirectory {
    /// The keys of an issuer in the database.
    pub fn new(pool: PgPool, issuer: String, clock: Clock) -> Self {
        Self {
            pool,
            issuer,
            clock,
        }
    }
}

#[tonic::async_trait]
impl KeyService for KeyDirectory {
    async fn list_public_keys(
        &self,
        request: Request<ListPublicKeysRequest>,
    ) -> Result<Response<ListPublicKeysResponse>, Status> {
        auth::caller(&request)?;
        let keys = match request.into_inner().r#use() {
            KeyUse::Internal => Vec::new(),
            KeyUse::Access | KeyUse::Unspecified => {
                store::trusted(&self.pool, &self.issuer, self.clock.now())
                    .await
                    .map_err(Error::from)?
            }
        };
        Ok(Response::new(ListPublicKeysResponse {
            keys: keys.into_iter().map(encode).collect(),
            max_age_seconds: u32::try_from(MAX_AGE.as_secs()).unwrap_or(0),
        }))
    }
}

fn encode(key: StoredKey) -> PublicKey {
    PublicKey {
        key_id: key.kid,
        algorithm: "EdDSA".into(),
        public_key: key.public_key.into(),
        r#use: KeyUse::Access.into(),
        issuer: key.issuer,
        not_before: Some(timestamp(key.not_before)),
        not_after: key.not_after.map(timestamp),
    }
}
