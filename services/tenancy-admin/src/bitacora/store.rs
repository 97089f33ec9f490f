//! SQL on the access log.

use auth::TenantScope;
use sqlx::{PgConnection, PgPool};
use time::{Date, Duration, OffsetDateTime};

use super::{Access, Wanted};

/// How far the clocks of two replicas of the edge may be apart for a link between
/// their rows to be found when the linked row comes last.
const SKEW: Duration = Duration::minutes(5);

/// The first id of the next block.
pub async fn next_block(db: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT nextval('tenancy.bitacora_block') AS "first!""#)
        .fetch_one(db)
        .await
}

/// Adds records that are missing, and links them with one another and with what is
/// there.
pub async fn append(db: &PgPool, records: &[Access]) -> Result<(), sqlx::Error> {
    let Some(oldest) = records.iter().map(|record| record.at).min() else {
        return Ok(());
    };
    let mut transaction = db.begin().await?;
    // One after the other: two at once would not see each other's rows, and a link
    // between them would never be found.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('atencion.bitacora.append'))")
        .fetch_one(&mut *transaction)
        .await?;
    insert(&mut transaction, records).await?;
    adopt(&mut transaction, records, oldest).await?;
    transaction.commit().await
}

/// Adds records. A parent must be a row of the same API client, stored or among
/// these; otherwise it stays a claim.
async fn insert(db: &mut PgConnection, records: &[Access]) -> Result<(), sqlx::Error> {
    let numbers = |of: fn(&Access) -> i64| records.iter().map(of).collect::<Vec<_>>();
    let texts = |of: fn(&Access) -> &String| records.iter().map(of).cloned().collect::<Vec<_>>();
    let ats: Vec<_> = records.iter().map(|record| record.at).collect();
    let statuses: Vec<_> = records.iter().map(|record| record.status).collect();
    let hash = |record: &Access| record.user_agent_hash.clone();
    let hashes: Vec<_> = records.iter().map(hash).collect();
    sqlx::query!(
        "WITH sent AS (
             SELECT id, at, NULLIF(client, 0) AS client, NULLIF(usr, 0) AS usr,
                    NULLIF(company, 0) AS company, method, route, status, latency, ip, hash,
                    trace, NULLIF(claimed, 0) AS claimed, received, answered, code
             FROM unnest(
                 $1::bigint[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[],
                 $6::text[], $7::text[], $8::smallint[], $9::bigint[], $10::text[], $11::bytea[],
                 $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[]
             ) AS t(id, at, client, usr, company, method, route, status, latency, ip, hash,
                    trace, claimed, received, answered, code)
         ),
         claim AS (
             SELECT DISTINCT claimed, client FROM sent
             WHERE claimed IS NOT NULL AND client IS NOT NULL
         ),
         parent AS (
             SELECT claimed, client FROM claim
             WHERE EXISTS (
                 SELECT FROM tenancy.bitacora AS stored
                 WHERE stored.bitacora_id = claim.claimed AND stored.client_id = claim.client
             )
             UNION
             SELECT claim.claimed, claim.client FROM claim
             JOIN sent ON sent.id = claim.claimed AND sent.client = claim.client
         )
         INSERT INTO tenancy.bitacora
             (bitacora_id, occurred_at, client_id, user_id, company_id, method, route, status,
              latency_us, client_ip, user_agent_hash, trace_id, parent_id, claimed_parent,
              request_bytes, response_bytes, error_code)
         SELECT sent.id, at, sent.client, usr, company, method, route, status,
                latency, NULLIF(ip, '')::inet, NULLIF(hash, ''), NULLIF(trace, ''),
                parent.claimed, CASE WHEN parent.claimed IS NULL THEN sent.claimed END,
                received, answered, NULLIF(code, '')
         FROM sent
         LEFT JOIN parent
             ON parent.claimed = sent.claimed AND parent.client = sent.client
             AND sent.claimed <> sent.id
         ON CONFLICT DO NOTHING",
        &numbers(|record| record.id),
        &ats,
        &numbers(|record| record.client),
        &numbers(|record| record.user),
        &numbers(|record| record.company),
        &texts(|record| &record.method),
        &texts(|record| &record.route),
        &statuses,
        &numbers(|record| record.latency_us),
        &texts(|record| &record.ip),
        &hashes,
        &texts(|record| &record.trace_id),
        &numbers(|record| record.claimed_parent),
        &numbers(|record| record.request_bytes),
        &numbers(|record| record.response_bytes),
        &texts(|record| &record.error_code)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Links rows that claimed one of these before it was stored. A row is written
/// after the answer that names it, so a claim on it can only be younger.
async fn adopt(
    db: &mut PgConnection,
    records: &[Access],
    oldest: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let of_clients = || records.iter().filter(|record| record.client != 0);
    let ids: Vec<_> = of_clients().map(|record| record.id).collect();
    let clients: Vec<_> = of_clients().map(|record| record.client).collect();
    sqlx::query!(
        "UPDATE tenancy.bitacora AS child
         SET parent_id = child.claimed_parent, claimed_parent = NULL
         FROM unnest($1::bigint[], $2::bigint[]) AS parent(id, client)
         WHERE child.claimed_parent = parent.id AND child.client_id = parent.client
           AND child.bitacora_id <> parent.id AND child.occurred_at >= $3",
        &ids,
        &clients,
        oldest - SKEW
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Records in reach, newest first.
pub async fn list(
    db: &PgPool,
    scope: TenantScope,
    wanted: &Wanted,
) -> Result<Vec<Access>, sqlx::Error> {
    let mut transaction = db.begin().await?;
    let after = if wanted.before == 0 {
        None
    } else {
        match time_of(&mut transaction, scope, wanted.before).await? {
            Some(at) => Some(at),
            // It was too old to be kept, and so is what came after it.
            None => return Ok(Vec::new()),
        }
    };
    // What is not asked for must not cost: the plan depends on the values.
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan")
        .execute(&mut *transaction)
        .await?;
    let found = sqlx::query_as!(
        Access,
        r#"SELECT bitacora_id AS id, occurred_at AS at, COALESCE(client_id, 0) AS "client!",
                  COALESCE(user_id, 0) AS "user!", COALESCE(company_id, 0) AS "company!",
                  method, route, status, latency_us, COALESCE(host(client_ip), '') AS "ip!",
                  COALESCE(user_agent_hash, '') AS "user_agent_hash!",
                  COALESCE(trace_id, '') AS "trace_id!", COALESCE(parent_id, 0) AS "parent!",
                  COALESCE(claimed_parent, 0) AS "claimed_parent!", request_bytes,
                  response_bytes, COALESCE(error_code, '') AS "error_code!"
           FROM tenancy.bitacora
           WHERE ($1::bigint IS NULL OR company_id = $1)
             AND ($2::bigint = 0 OR client_id = $2)
             AND ($3::bigint = 0 OR user_id = $3)
             AND ($4::bigint = 0 OR company_id = $4)
             AND ($5::text = '' OR route = $5)
             AND ($6::smallint = 0 OR status = $6)
             AND ($7::timestamptz IS NULL OR occurred_at >= $7)
             AND ($8::timestamptz IS NULL OR occurred_at < $8)
             AND ($9::timestamptz IS NULL OR (occurred_at, bitacora_id) < ($9, $10::bigint))
           ORDER BY occurred_at DESC, bitacora_id DESC
           LIMIT $11"#,
        scope.confine(),
        wanted.client,
        wanted.user,
        wanted.company,
        wanted.route,
        wanted.status,
        wanted.from,
        wanted.until,
        after,
        wanted.before,
        i64::from(wanted.limit)
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(found)
}

/// When the record with an id happened, if it is in reach.
async fn time_of(
    db: &mut PgConnection,
    scope: TenantScope,
    id: i64,
) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT occurred_at FROM tenancy.bitacora
         WHERE bitacora_id = $1 AND ($2::bigint IS NULL OR company_id = $2)
         LIMIT 1",
        id,
        scope.confine()
    )
    .fetch_optional(db)
    .await
}

/// The days from `first` to `last` of which there are rows without a table.
pub async fn days_of_strays(
    db: &PgPool,
    first: Date,
    last: Date,
) -> Result<Vec<Date>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT (occurred_at AT TIME ZONE 'UTC')::date AS "day!"
           FROM tenancy.bitacora_stray
           WHERE (occurred_at AT TIME ZONE 'UTC')::date BETWEEN $1 AND $2"#,
        first,
        last
    )
    .fetch_all(db)
    .await
}

/// Makes the table of a day; says whether it was missing.
pub async fn open_day(db: &PgPool, day: Date) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT tenancy.bitacora_open_day($1) AS "opened!""#, day)
        .fetch_one(db)
        .await
}

/// Removes the oldest day before `day`; says whether there was one.
pub async fn drop_day_before(db: &PgPool, day: Date) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT tenancy.bitacora_drop_day_before($1) AS "dropped!""#,
        day
    )
    .fetch_one(db)
    .await
}

/// Removes rows without a table from before `day`.
pub async fn drop_strays_before(db: &PgPool, day: Date) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM tenancy.bitacora_stray WHERE occurred_at < $1::date::timestamp AT TIME ZONE 'UTC'",
        day
    )
    .execute(db)
    .await?;
    Ok(())
}
