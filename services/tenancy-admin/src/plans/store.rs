//! SQL on `tenancy.plan`.

use postgres::Page;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::Plan;

/// How many plans pass the filter.
pub async fn count(db: &PgPool, name: &str, active: Option<bool>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM tenancy.plan
           WHERE strpos(lower(name), lower($1)) > 0 AND ($2::boolean IS NULL OR active = $2)"#,
        name,
        active
    )
    .fetch_one(db)
    .await
}

/// A page of them, in order of id.
pub async fn list(
    db: &PgPool,
    name: &str,
    active: Option<bool>,
    page: Page,
) -> Result<Vec<Plan>, sqlx::Error> {
    sqlx::query_as!(
        Plan,
        r#"SELECT plan_id AS id, name, trim_scale(total_dau)::text AS "total_dau!",
                  trim_scale(price_additional_dau)::text AS "price_additional_dau!",
                  trim_scale(no_dau)::text AS "no_dau!",
                  trim_scale(plan_price)::text AS "price!",
                  trim_scale(price_chatbot)::text AS "price_chatbot!",
                  trim_scale(price_api)::text AS "price_api!",
                  trim_scale(price_messenger)::text AS "price_messenger!",
                  trim_scale(price_telegram)::text AS "price_telegram!",
                  trim_scale(price_whatsapp)::text AS "price_whatsapp!",
                  trim_scale(price_agent)::text AS "price_agent!",
                  max_users, active
           FROM tenancy.plan
           WHERE strpos(lower(name), lower($1)) > 0 AND ($2::boolean IS NULL OR active = $2)
           ORDER BY plan_id LIMIT $3 OFFSET $4"#,
        name,
        active,
        page.limit(),
        page.offset()
    )
    .fetch_all(db)
    .await
}

/// A plan, locked until the end of the transaction.
pub async fn lock(db: &mut PgConnection, id: i64) -> Result<Option<Plan>, sqlx::Error> {
    sqlx::query_as!(
        Plan,
        r#"SELECT plan_id AS id, name, trim_scale(total_dau)::text AS "total_dau!",
                  trim_scale(price_additional_dau)::text AS "price_additional_dau!",
                  trim_scale(no_dau)::text AS "no_dau!",
                  trim_scale(plan_price)::text AS "price!",
                  trim_scale(price_chatbot)::text AS "price_chatbot!",
                  trim_scale(price_api)::text AS "price_api!",
                  trim_scale(price_messenger)::text AS "price_messenger!",
                  trim_scale(price_telegram)::text AS "price_telegram!",
                  trim_scale(price_whatsapp)::text AS "price_whatsapp!",
                  trim_scale(price_agent)::text AS "price_agent!",
                  max_users, active
           FROM tenancy.plan WHERE plan_id = $1 FOR NO KEY UPDATE"#,
        id
    )
    .fetch_optional(db)
    .await
}

/// Adds a plan; answers its id.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    plan: &Plan,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "INSERT INTO tenancy.plan
             (name, total_dau, price_additional_dau, no_dau, plan_price, price_chatbot, price_api,
              price_messenger, price_telegram, price_whatsapp, price_agent,
              max_users, active, created_at, updated_at)
         VALUES ($1, $2::text::numeric, $3::text::numeric,
                 $4::text::numeric, $5::text::numeric, $6::text::numeric,
                 $7::text::numeric, $8::text::numeric, $9::text::numeric,
                 $10::text::numeric, $11::text::numeric, $12, $13, $14, $14)
         RETURNING plan_id",
        plan.name,
        plan.total_dau,
        plan.price_additional_dau,
        plan.no_dau,
        plan.price,
        plan.price_chatbot,
        plan.price_api,
        plan.price_messenger,
        plan.price_telegram,
        plan.price_whatsapp,
        plan.price_agent,
        plan.max_users,
        plan.active,
        now
    )
    .fetch_one(db)
    .await
}

/// Switches a plan.
pub async fn set_active(
    db: &mut PgConnection,
    now: OffsetDateTime,
    id: i64,
    active: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE tenancy.plan SET active = $2, updated_at = $3 WHERE plan_id = $1",
        id,
        active,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a plan under its id, unless the id is taken; says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    plan: &Plan,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO tenancy.plan
             (name, total_dau, price_additional_dau, no_dau, plan_price, price_chatbot, price_api,
              price_messenger, price_telegram, price_whatsapp, price_agent,
              max_users, active, created_at, updated_at, plan_id)
         VALUES ($1, $2::text::numeric, $3::text::numeric,
                 $4::text::numeric, $5::text::numeric, $6::text::numeric,
                 $7::text::numeric, $8::text::numeric, $9::text::numeric,
                 $10::text::numeric, $11::text::numeric, $12, $13, $14, $14, $15)
         ON CONFLICT DO NOTHING",
        plan.name,
        plan.total_dau,
        plan.price_additional_dau,
        plan.no_dau,
        plan.price,
        plan.price_chatbot,
        plan.price_api,
        plan.price_messenger,
        plan.price_telegram,
        plan.price_whatsapp,
        plan.price_agent,
        plan.max_users,
        plan.active,
        now,
        plan.id
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the next generated id larger than any present one.
pub async fn move_sequence(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT setval(
             pg_get_serial_sequence('tenancy.plan', 'plan_id'),
             (SELECT max(plan_id) FROM tenancy.plan)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}
