//! All SQL on channel.channel.

use auth::{ChannelId, CompanyId, TenantScope};
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Channel, ChannelType, Filter};
use crate::error::{Error, Result};

/// A row as stored.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) uuid: Uuid,
    pub(super) company_id: i64,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) app_public: String,
    pub(super) app_sealed: Option<Vec<u8>>,
    pub(super) token_sealed: Option<Vec<u8>>,
    pub(super) secret_sealed: Option<Vec<u8>>,
    pub(super) additional_app_id: String,
    pub(super) active: bool,
    pub(super) health: String,
    pub(super) paused_until: Option<OffsetDateTime>,
}

impl Row {
    pub(super) fn channel(self) -> Result<Channel> {
        let kind = ChannelType::of(&self.kind)
            .ok_or_else(|| Error::Defect(format!("channel {} has no known type", self.id)))?;
        Ok(Channel {
            id: ChannelId(self.id),
            uuid: self.uuid,
            company: CompanyId(self.company_id),
            kind,
            name: self.name,
            app_public: self.app_public,
            additional_app_id: self.additional_app_id,
            active: self.active,
            needs_reauth: self.health == "needs_reauth",
            paused_until: self.paused_until,
        })
    }
}

pub(super) async fn list(
    pool: &PgPool,
    scope: TenantScope,
    filter: &Filter,
    page: postgres::Page,
) -> Result<(Vec<Channel>, u64)> {
    let company = filter.company.map(|company| company.0);
    let kind = filter.kind.map(ChannelType::name);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, uuid, company_id, type AS kind, name, app_public, app_sealed, token_sealed,
                  secret_sealed, additional_app_id, active, health, paused_until
           FROM channel.channel
           WHERE ($1::bigint IS NULL OR company_id = $1)
             AND ($2::bigint IS NULL OR company_id = $2)
             AND ($3 = '' OR strpos(lower(name), lower($3)) > 0)
             AND ($4::text IS NULL OR type = $4)
             AND ($5::uuid IS NULL OR uuid = $5)
             AND ($6 = '' OR app_public = $6)
             AND (NOT $7 OR active)
           ORDER BY id LIMIT $8 OFFSET $9"#,
        scope.confine(),
        company,
        filter.name,
        kind,
        filter.uuid,
        filter.app_id,
        filter.active_only,
        page.limit(),
        page.offset(),
    )
    .fetch_all(pool)
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
           FROM channel.channel
           WHERE ($1::bigint IS NULL OR company_id = $1)
             AND ($2::bigint IS NULL OR company_id = $2)
             AND ($3 = '' OR strpos(lower(name), lower($3)) > 0)
             AND ($4::text IS NULL OR type = $4)
             AND ($5::uuid IS NULL OR uuid = $5)
             AND ($6 = '' OR app_public = $6)
             AND (NOT $7 OR active)"#,
        scope.confine(),
        company,
        filter.name,
        kind,
        filter.uuid,
        filter.app_id,
        filter.active_only,
    )
    .fetch_one(pool)
    .await?;
    let channels = rows.into_iter().map(Row::channel).collect::<Result<_>>()?;
    Ok((channels, u64::try_from(total).unwrap_or(0)))
}

pub(super) async fn find(pool: &PgPool, scope: TenantScope, id: ChannelId) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, uuid, company_id, type AS kind, name, app_public, app_sealed, token_sealed,
                  secret_sealed, additional_app_id, active, health, paused_until
           FROM channel.channel
           WHERE id = $1 AND ($2::bigint IS NULL OR company_id = $2)"#,
        id.0,
        scope.confine(),
    )
    .fetch_optional(pool)
    .await?)
}

pub(super) async fn lock(
    db: &mut PgConnection,
    scope: TenantScope,
    id: ChannelId,
) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, uuid, company_id, type AS kind, name, app_public, app_sealed, token_sealed,
                  secret_sealed, additional_app_id, active, health, paused_until
           FROM channel.channel
           WHERE id = $1 AND ($2::bigint IS NULL OR company_id = $2)
           FOR UPDATE"#,
        id.0,
        scope.confine(),
    )
    .fetch_optional(db)
    .await?)
}

pub(super) async fn by_uuid(pool: &PgPool, scope: TenantScope, uuid: Uuid) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, uuid, company_id, type AS kind, name, app_public, app_sealed, token_sealed,
                  secret_sealed, additional_app_id, active, health, paused_until
           FROM channel.channel
           WHERE uuid = $1 AND ($2::bigint IS NULL OR company_id = $2)"#,
        uuid,
        scope.confine(),
    )
    .fetch_optional(pool)
    .await?)
}

/// The channels of Meta that are one of these accounts, or belong to one.
pub(super) async fn by_accounts(
    pool: &PgPool,
    scope: TenantScope,
    accounts: &[String],
) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, uuid, company_id, type AS kind, name, app_public, app_sealed, token_sealed,
                  secret_sealed, additional_app_id, active, health, paused_until
           FROM channel.channel
           WHERE (app_public = ANY($1) OR (additional_app_id <> '' AND additional_app_id = ANY($1)))
             AND type IN ('whatsapp', 'whatsappfb', 'messenger', 'instagram')
             AND ($2::bigint IS NULL OR company_id = $2)
           ORDER BY id"#,
        accounts,
        scope.confine(),
    )
    .fetch_all(pool)
    .await?)
}

pub(super) async fn of_meta(pool: &PgPool, scope: TenantScope, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, uuid, company_id, type AS kind, name, app_public, app_sealed, token_sealed,
                  secret_sealed, additional_app_id, active, health, paused_until
           FROM channel.channel
           WHERE active AND type IN ('whatsapp', 'whatsappfb', 'messenger', 'instagram')
             AND ($1::bigint IS NULL OR company_id = $1)
           ORDER BY id LIMIT $2"#,
        scope.confine(),
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Active bots of a company; with `bot_id` also those that are switched off.
pub(super) async fn bots(
    pool: &PgPool,
    scope: TenantScope,
    company: Option<CompanyId>,
    bot_id: Option<&str>,
) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, uuid, company_id, type AS kind, name, app_public, app_sealed, token_sealed,
                  secret_sealed, additional_app_id, active, health, paused_until
           FROM channel.channel
           WHERE type = 'telegram'
             AND ($1::bigint IS NULL OR company_id = $1)
             AND ($2::bigint IS NULL OR company_id = $2)
             AND (CASE WHEN $3::text IS NULL THEN active ELSE app_public = $3 END)
           ORDER BY id LIMIT 100"#,
        scope.confine(),
        company.map(|company| company.0),
        bot_id,
    )
    .fetch_all(pool)
    .await?)
}

/// Stores a new channel; its id is made here.
pub(super) async fn insert(db: impl PgExecutor<'_>, row: &Row, now: OffsetDateTime) -> Result<Row> {
    Ok(sqlx::query_as!(
        Row,
        r#"INSERT INTO channel.channel
               (uuid, company_id, type, name, app_public, app_sealed, token_sealed, secret_sealed,
                additional_app_id, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
           RETURNING id, uuid, company_id, type AS kind, name, app_public, app_sealed,
                     token_sealed, secret_sealed, additional_app_id, active, health, paused_until"#,
        row.uuid,
        row.company_id,
        row.kind,
        row.name,
        row.app_public,
        row.app_sealed,
        row.token_sealed,
        row.secret_sealed,
        row.additional_app_id,
        now,
    )
    .fetch_one(db)
    .await?)
}

/// Stores what a change may touch. Credentials that are new may work again.
pub(super) async fn update(
    db: &mut PgConnection,
    row: &Row,
    reauthorized: bool,
    now: OffsetDateTime,
) -> Result<Row> {
    Ok(sqlx::query_as!(
        Row,
        r#"UPDATE channel.channel
           SET type = $3, name = $4, app_public = $5, app_sealed = $6, token_sealed = $7,
               secret_sealed = $8, additional_app_id = $9, updated_at = $10,
               health = CASE WHEN $11 THEN 'ok' ELSE health END,
               last_error = CASE WHEN $11 THEN '' ELSE last_error END,
               paused_until = CASE WHEN $11 THEN NULL ELSE paused_until END
           WHERE id = $1 AND company_id = $2
           RETURNING id, uuid, company_id, type AS kind, name, app_public, app_sealed,
                     token_sealed, secret_sealed, additional_app_id, active, health, paused_until"#,
        row.id,
        row.company_id,
        row.kind,
        row.name,
        row.app_public,
        row.app_sealed,
        row.token_sealed,
        row.secret_sealed,
        row.additional_app_id,
        now,
        reauthorized,
    )
    .fetch_one(db)
    .await?)
}

/// Switches a channel; false when it was in that state.
pub(super) async fn set_active(
    pool: &PgPool,
    scope: TenantScope,
    id: ChannelId,
    active: bool,
    now: OffsetDateTime,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE channel.channel SET active = $3, updated_at = $4
         WHERE id = $1 AND ($2::bigint IS NULL OR company_id = $2) AND active <> $3",
        id.0,
        scope.confine(),
        active,
        now,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps what Telegram says about the webhook of a bot.
pub(super) async fn note_webhook(
    pool: &PgPool,
    id: ChannelId,
    info: &serde_json::Value,
) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.channel SET webhook_info = $2 WHERE id = $1",
        id.0,
        info,
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn needs_reauth(
    db: &mut PgConnection,
    id: ChannelId,
    complaint: &str,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.channel SET health = 'needs_reauth', last_error = $2, updated_at = $3
         WHERE id = $1",
        id.0,
        complaint.replace('\0', ""),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn pause(pool: &PgPool, id: ChannelId, until: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.channel SET paused_until = GREATEST(paused_until, $2) WHERE id = $1",
        id.0,
        until,
    )
    .execute(pool)
    .await?;
    Ok(())
}
