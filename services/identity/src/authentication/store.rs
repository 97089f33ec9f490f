//! The one statement behind every REST request.

use auth::{ClientId, CompanyId, DepartmentId, Role, UserId};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Client, Known, KnownClient, SignedIn};
use crate::{
    clients::{self, authority_of},
    sessions::SessionState,
};

/// What is known about an active client and a session, both of which may be
/// unknown or not asked for.
pub async fn find(
    db: &PgPool,
    consumo: Option<&str>,
    sid: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<Known, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT
               c.client_id AS "client_id?: ClientId",
               c.authority AS "authority?",
               c.company_id AS "client_company?: CompanyId",
               c.scopes AS "scopes?",
               c.ip_allow AS "ip_allow?",
               c.requests_per_minute AS "requests_per_minute?",
               c.burst AS "burst?",
               c.requests_per_day AS "requests_per_day?",
               ARRAY(
                   SELECT mac FROM identity.api_client_secret k
                   WHERE k.client_id = c.client_id AND (k.not_after IS NULL OR k.not_after > $3)
                   ORDER BY slot
               ) AS "macs!",
               ARRAY(
                   SELECT not_after FROM identity.api_client_secret k
                   WHERE k.client_id = c.client_id AND (k.not_after IS NULL OR k.not_after > $3)
                   ORDER BY slot
               ) AS "ends!: Vec<Option<OffsetDateTime>>",
               s.sid AS "sid?",
               s.generation AS "generation?",
               s.expires_at AS "expires_at?",
               s.idle_seconds AS "idle_seconds?",
               s.last_used_at AS "last_used_at?",
               s.revoked_at AS "revoked_at?",
               u.user_id AS "user_id?: UserId",
               u.name AS "name?",
               u.email AS "email?",
               u.role AS "role?",
               u.company_id AS "company_id?: CompanyId",
               u.department_id AS "department_id?: DepartmentId",
               (u.active AND co.active IS NOT FALSE) AS "active?",
               u.epoch AS "epoch?"
           FROM (VALUES (1)) AS one (row)
           LEFT JOIN identity.api_client c ON c.consumo = $1 AND c.active
           LEFT JOIN identity.session s ON s.sid = $2
           LEFT JOIN identity.users u ON u.user_id = s.user_id
           LEFT JOIN identity.company co ON co.company_id = u.company_id"#,
        consumo,
        sid,
        now
    )
    .fetch_one(db)
    .await?;
    let client = || {
        Some(KnownClient {
            client: Client {
                id: row.client_id?,
                authority: authority_of(row.authority.as_deref()?)?,
                company: row.client_company,
                scopes: row.scopes?,
                ip_allow: row.ip_allow?,
                limits: clients::limits(
                    row.requests_per_minute?,
                    row.burst?,
                    row.requests_per_day?,
                ),
                secret_expires_at: None,
            },
            macs: row.macs,
            ends: row.ends,
        })
    };
    let session = || {
        Some(SessionState {
            generation: row.generation?,
            expires_at: row.expires_at?,
            idle_seconds: row.idle_seconds?,
            last_used_at: row.last_used_at?,
            revoked_at: row.revoked_at,
            user_active: row.active?,
            user_epoch: row.epoch?,
            user: SignedIn {
                id: row.user_id?,
                name: row.name?,
                email: row.email?,
                role: Role::of(row.role?)?,
                company: row.company_id?,
                department: row.department_id,
                session: row.sid?,
            },
        })
    };
    Ok(Known {
        client: client(),
        session: session(),
    })
}
