//! SQL on `tenancy.faq`.

use auth::{CompanyId, TenantScope};
use postgres::Page;
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;

use super::{Faq, Filter, FixedFaq, Sight};

/// A FAQ of an active company, if it is within sight.
pub async fn find(db: &PgPool, sight: &Sight, id: i64) -> Result<Option<Faq>, sqlx::Error> {
    sqlx::query_as!(
        Faq,
        r#"SELECT f.faq_id AS id, f.company_id AS "company: CompanyId", f.reply,
                  f.department_ids AS departments, f.active
           FROM tenancy.faq f JOIN tenancy.company c USING (company_id)
           WHERE f.faq_id = $1 AND c.state = 'active'
             AND ($2::bigint IS NULL OR f.company_id = $2)
             AND ($3::bigint[] IS NULL OR (f.active AND f.department_ids && $3))"#,
        id,
        sight.scope.confine(),
        sight.departments.as_deref()
    )
    .fetch_optional(db)
    .await
}

/// A FAQ within reach, locked until the end of the transaction.
pub async fn lock(
    db: &mut PgConnection,
    scope: TenantScope,
    id: i64,
) -> Result<Option<Faq>, sqlx::Error> {
    sqlx::query_as!(
        Faq,
        r#"SELECT f.faq_id AS id, f.company_id AS "company: CompanyId", f.reply,
                  f.department_ids AS departments, f.active
           FROM tenancy.faq f JOIN tenancy.company c USING (company_id)
           WHERE f.faq_id = $1 AND c.state = 'active'
             AND ($2::bigint IS NULL OR f.company_id = $2)
           FOR NO KEY UPDATE OF f"#,
        id,
        scope.confine()
    )
    .fetch_optional(db)
    .await
}

/// How many FAQs pass the filter.
pub async fn count(db: &PgPool, sight: &Sight, filter: &Filter) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
           FROM tenancy.faq f JOIN tenancy.company c USING (company_id)
           WHERE c.state = 'active' AND ($1::bigint IS NULL OR f.company_id = $1)
             AND ($2::bigint[] IS NULL OR (f.active AND f.department_ids && $2))
             AND strpos(lower(f.reply), lower($3)) > 0
             AND ($4::bigint IS NULL OR f.company_id = $4)
             AND ($5 = '' OR EXISTS (
                 SELECT FROM tenancy.department d
                 WHERE d.company_id = f.company_id AND strpos(lower(d.name), lower($5)) > 0
                   AND (d.department_id = ANY(f.department_ids) OR 0 = ANY(f.department_ids))
             ))
             AND ($6::boolean IS NULL OR f.active = $6)"#,
        sight.scope.confine(),
        sight.departments.as_deref(),
        filter.reply,
        filter.company.map(|company| company.0),
        filter.department,
        filter.active
    )
    .fetch_one(db)
    .await
}

/// A page of them, in order of id.
pub async fn list(
    db: &PgPool,
    sight: &Sight,
    filter: &Filter,
    page: Page,
) -> Result<Vec<Faq>, sqlx::Error> {
    sqlx::query_as!(
        Faq,
        r#"SELECT f.faq_id AS id, f.company_id AS "company: CompanyId", f.reply,
                  f.department_ids AS departments, f.active
           FROM tenancy.faq f JOIN tenancy.company c USING (company_id)
           WHERE c.state = 'active' AND ($1::bigint IS NULL OR f.company_id = $1)
             AND ($2::bigint[] IS NULL OR (f.active AND f.department_ids && $2))
             AND strpos(lower(f.reply), lower($3)) > 0
             AND ($4::bigint IS NULL OR f.company_id = $4)
             AND ($5 = '' OR EXISTS (
                 SELECT FROM tenancy.department d
                 WHERE d.company_id = f.company_id AND strpos(lower(d.name), lower($5)) > 0
                   AND (d.department_id = ANY(f.department_ids) OR 0 = ANY(f.department_ids))
             ))
             AND ($6::boolean IS NULL OR f.active = $6)
           ORDER BY f.faq_id LIMIT $7 OFFSET $8"#,
        sight.scope.confine(),
        sight.departments.as_deref(),
        filter.reply,
        filter.company.map(|company| company.0),
        filter.department,
        filter.active,
        page.limit(),
        page.offset()
    )
    .fetch_all(db)
    .await
}

/// Says whether there is an active company of the id within reach.
pub async fn is_within_reach(
    db: &mut PgConnection,
    scope: TenantScope,
    company: CompanyId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM tenancy.company
               WHERE company_id = $1 AND state = 'active'
                 AND ($2::bigint IS NULL OR company_id = $2)
           ) AS "exists!""#,
        company.0,
        scope.confine()
    )
    .fetch_one(db)
    .await
}

/// Says whether all of these are departments of the company; 0 is none and of
/// every company.
pub async fn owns_all(
    db: &mut PgConnection,
    company: CompanyId,
    ids: &[i64],
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (
               SELECT FROM unnest($2::bigint[]) AS wanted (id)
               WHERE id <> 0 AND NOT EXISTS (
                   SELECT FROM tenancy.department
                   WHERE department_id = wanted.id AND company_id = $1
               )
           ) AS "all!""#,
        company.0,
        ids
    )
    .fetch_one(db)
    .await
}

/// Adds an active FAQ; answers its id.
pub async fn insert(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: CompanyId,
    reply: &str,
    departments: &[i64],
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "INSERT INTO tenancy.faq (company_id, reply, department_ids, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $4) RETURNING faq_id",
        company.0,
        reply,
        departments,
        now
    )
    .fetch_one(db)
    .await
}

/// Stores a changed FAQ.
pub async fn update(
    db: &mut PgConnection,
    now: OffsetDateTime,
    faq: &Faq,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE tenancy.faq SET reply = $2, department_ids = $3, active = $4, updated_at = $5
         WHERE faq_id = $1",
        faq.id,
        faq.reply,
        &faq.departments,
        faq.active,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The first FAQ of a company.
pub async fn first_of(db: impl PgExecutor<'_>, company: CompanyId) -> Result<Faq, sqlx::Error> {
    sqlx::query_as!(
        Faq,
        r#"SELECT faq_id AS id, company_id AS "company: CompanyId", reply,
                  department_ids AS departments, active
           FROM tenancy.faq WHERE company_id = $1 ORDER BY faq_id LIMIT 1"#,
        company.0
    )
    .fetch_one(db)
    .await
}

/// Adds an active FAQ under its id, unless the id is taken; says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    faq: &FixedFaq,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO tenancy.faq (faq_id, company_id, reply, department_ids, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5)
         ON CONFLICT DO NOTHING",
        faq.id,
        faq.company.0,
        faq.reply,
        faq.departments,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the next generated id larger than any present one.
pub async fn move_sequence(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT setval(
             pg_get_serial_sequence('tenancy.faq', 'faq_id'),
             (SELECT max(faq_id) FROM tenancy.faq)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}
