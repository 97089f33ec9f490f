//! SQL behind the check of an API client.

use auth::{ClientId, CompanyId};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Client, KnownClient, KnownSecret};
use crate::{
    clients::{self, authority_of},
    revocations::Sequence,
};

/// What is known about an active client, and the head of the revocation log, both
/// from one moment.
pub async fn client(
    db: &PgPool,
    consumo: Option<&str>,
    now: OffsetDateTime,
) -> Result<(Sequence, Option<KnownClient>), sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT
               h.sequence,
               c.client_id AS "client_id?: ClientId",
               c.authority AS "authority?",
               c.company_id AS "company?: CompanyId",
               c.scopes AS "scopes?",
               c.ip_allow AS "ip_allow?",
               c.requests_per_minute AS "requests_per_minute?",
               c.burst AS "burst?",
               c.requests_per_day AS "requests_per_day?",
               ARRAY(
                   SELECT mac FROM identity.api_client_secret k
                   WHERE k.client_id = c.client_id AND (k.not_after IS NULL OR k.not_after > $2)
                   ORDER BY slot
               ) AS "macs!",
               ARRAY(
                   SELECT not_after FROM identity.api_client_secret k
                   WHERE k.client_id = c.client_id AND (k.not_after IS NULL OR k.not_after > $2)
                   ORDER BY slot
               ) AS "ends!: Vec<Option<OffsetDateTime>>"
           FROM identity.revocation_head h
           LEFT JOIN identity.api_client c ON c.consumo = $1 AND c.active"#,
        consumo,
        now
    )
    .fetch_one(db)
    .await?;
    let secrets = row.macs.into_iter().zip(row.ends);
    let secrets = secrets.map(|(mac, not_after)| KnownSecret { mac, not_after });
    let client = || {
        Some(KnownClient {
            client: Client {
                id: row.client_id?,
                authority: authority_of(row.authority.as_deref()?)?,
                company: row.company,
                scopes: row.scopes?,
                ip_allow: row.ip_allow?,
                limits: clients::limits(
                    row.requests_per_minute?,
                    row.burst?,
                    row.requests_per_day?,
                ),
                secret_expires_at: None,
            },
            secrets: secrets.collect(),
        })
    };
    Ok((Sequence(row.sequence), client()))
}
