//! SQL on `identity.revocation`, its head and its leases.

use auth::{ClientId, CompanyId, UserId};
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Entry, Sequence, Subject};

/// Takes the next number, and the lock on the log until the commit.
pub async fn next(db: &mut PgConnection) -> Result<Sequence, sqlx::Error> {
    let sequence = sqlx::query_scalar!(
        "UPDATE identity.revocation_head SET sequence = sequence + 1 RETURNING sequence"
    )
    .fetch_one(db)
    .await?;
    Ok(Sequence(sequence))
}

/// Writes an entry.
pub async fn insert(
    db: &mut PgConnection,
    sequence: Sequence,
    now: OffsetDateTime,
    subject: Subject,
    forget_at: Option<OffsetDateTime>,
) -> Result<(), sqlx::Error> {
    let (kind, uuid, id) = match subject {
        Subject::Session(session) => ("session", Some(session), None),
        Subject::Generation { session, .. } => ("generation", Some(session), None),
        Subject::Family(family) => ("family", Some(family), None),
        Subject::User(user) => ("user", None, Some(user.0)),
        Subject::Client(client) => ("client", None, Some(client.0)),
        Subject::Company(company) => ("company", None, Some(company.0)),
        Subject::ChangedUser(user) => ("changed_user", None, Some(user.0)),
        Subject::ChangedClient(client) => ("changed_client", None, Some(client.0)),
    };
    let (generation, effective_at) = match subject {
        Subject::Generation {
            first_good,
            effective_at,
            ..
        } => (Some(first_good), effective_at),
        _ => (None, None),
    };
    sqlx::query!(
        "INSERT INTO identity.revocation
             (sequence, kind, uuid, id, generation, effective_at, made_at, forget_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        sequence.0,
        kind,
        uuid,
        id,
        generation,
        effective_at,
        now,
        forget_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Voids what a user has.
pub async fn raise_user(
    db: &mut PgConnection,
    user: UserId,
    sequence: Sequence,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.users SET epoch = $2 WHERE user_id = $1",
        user.0,
        sequence.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Voids what was opened through an API client.
pub async fn raise_client(
    db: &mut PgConnection,
    client: ClientId,
    sequence: Sequence,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.api_client SET epoch = $2 WHERE client_id = $1",
        client.0,
        sequence.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Voids what users of a company have; the company may not have been heard of yet.
pub async fn raise_company(
    db: &mut PgConnection,
    company: CompanyId,
    sequence: Sequence,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO identity.company (company_id, name, active, epoch) VALUES ($1, '', true, $2)
         ON CONFLICT (company_id) DO UPDATE SET epoch = excluded.epoch",
        company.0,
        sequence.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The number of the newest entry.
pub async fn head(db: impl PgExecutor<'_>) -> Result<Sequence, sqlx::Error> {
    let sequence = sqlx::query_scalar!("SELECT sequence FROM identity.revocation_head")
        .fetch_one(db)
        .await?;
    Ok(Sequence(sequence))
}

/// Says whether a live lease has not applied an entry yet. A lease ends when its
/// row is removed and not by the clock alone: a renewal at the same moment either
/// comes first, or finds no row.
pub async fn behind(db: &PgPool, sequence: Sequence) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"WITH ended AS (
               DELETE FROM identity.revocation_lease
               WHERE expires_at <= clock_timestamp() AND applied < $1 RETURNING lease_id
           )
           SELECT EXISTS (
               SELECT FROM identity.revocation_lease
               WHERE applied < $1 AND lease_id NOT IN (SELECT lease_id FROM ended)
           ) AS "behind!""#,
        sequence.0
    )
    .fetch_one(db)
    .await
}

/// Opens a lease of `seconds`, in place of the one that the replica has.
pub async fn open_lease(
    db: &PgPool,
    lease: Uuid,
    replica: &str,
    applied: Sequence,
    seconds: f64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "WITH given_up AS (
             DELETE FROM identity.revocation_lease WHERE replica = $2
         )
         INSERT INTO identity.revocation_lease (lease_id, replica, applied, expires_at)
         VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))",
        lease,
        replica,
        applied.0,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Renews a lease that has not ended, and notes how far it is; answers the head of
/// the log.
pub async fn renew_lease(
    db: &PgPool,
    lease: Uuid,
    applied: Sequence,
    seconds: f64,
) -> Result<Option<Sequence>, sqlx::Error> {
    let head = sqlx::query_scalar!(
        "UPDATE identity.revocation_lease l
         SET applied = greatest(l.applied, least($2, h.sequence)),
             expires_at = clock_timestamp() + make_interval(secs => $3)
         FROM identity.revocation_head h
         WHERE l.lease_id = $1 AND l.expires_at > clock_timestamp()
         RETURNING h.sequence",
        lease,
        applied.0,
        seconds
    )
    .fetch_optional(db)
    .await?;
    Ok(head.map(Sequence))
}

/// Removes leases that ended.
pub async fn remove_leases(db: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query!("DELETE FROM identity.revocation_lease WHERE expires_at <= clock_timestamp()")
        .execute(db)
        .await?;
    Ok(())
}

/// Where the log stands, and whether a lease stands.
pub struct Standing {
    pub head: Sequence,
    /// Entries up to this one may be gone.
    pub forgotten: Sequence,
    pub lease: bool,
}

/// Where the log stands, and whether a lease stands.
pub async fn standing(db: impl PgExecutor<'_>, lease: Uuid) -> Result<Standing, sqlx::Error> {
    sqlx::query_as!(
        Standing,
        r#"SELECT sequence AS "head: Sequence", forgotten AS "forgotten: Sequence", EXISTS (
               SELECT FROM identity.revocation_lease
               WHERE lease_id = $1 AND expires_at > clock_timestamp()
           ) AS "lease!"
           FROM identity.revocation_head"#,
        lease
    )
    .fetch_one(db)
    .await
}

/// The next entries, at most `limit`.
pub async fn entries(db: &PgPool, after: Sequence, limit: i64) -> Result<Vec<Entry>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT sequence, kind, uuid, id, generation, effective_at, forget_at
         FROM identity.revocation WHERE sequence > $1 ORDER BY sequence LIMIT $2",
        after.0,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let subject = match row.kind.as_str() {
                "session" => Subject::Session(row.uuid?),
                "generation" => Subject::Generation {
                    session: row.uuid?,
                    first_good: row.generation?,
                    effective_at: row.effective_at,
                },
                "family" => Subject::Family(row.uuid?),
                "user" => Subject::User(UserId(row.id?)),
                "client" => Subject::Client(ClientId(row.id?)),
                "company" => Subject::Company(CompanyId(row.id?)),
                "changed_user" => Subject::ChangedUser(UserId(row.id?)),
                _ => Subject::ChangedClient(ClientId(row.id?)),
            };
            Some(Entry {
                sequence: Sequence(row.sequence),
                subject,
                forget_at: row.forget_at,
            })
        })
        .collect())
}

/// Removes entries that no token can concern any more, some at once; answers how
/// many.
pub async fn forget(db: &PgPool, before: OffsetDateTime) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"WITH gone AS (
               DELETE FROM identity.revocation WHERE sequence IN (
                   SELECT sequence FROM identity.revocation WHERE forget_at < $1
                   ORDER BY sequence LIMIT 1000
               )
               RETURNING sequence
           ), moved AS (
               UPDATE identity.revocation_head
               SET forgotten = greatest(forgotten, (SELECT max(sequence) FROM gone))
               WHERE EXISTS (SELECT FROM gone)
           )
           SELECT count(*) AS "count!" FROM gone"#,
        before
    )
    .fetch_one(db)
    .await
}

/// Locks the row of a user, so that it is taken before the log is; answers its
/// company.
pub async fn lock_user(
    db: &mut PgConnection,
    user: UserId,
) -> Result<Option<CompanyId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT company_id AS "company: CompanyId" FROM identity.users
           WHERE user_id = $1 FOR NO KEY UPDATE"#,
        user.0
    )
    .fetch_optional(db)
    .await
}

/// Locks the row of an API client, so that it is taken before the log is; false
/// when there is none.
pub async fn lock_client(db: &mut PgConnection, client: ClientId) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!(
        "SELECT client_id FROM identity.api_client WHERE client_id = $1 FOR NO KEY UPDATE",
        client.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.is_some())
}

/// Locks the row of a company, so that it is taken before the log is.
pub async fn lock_company(db: &mut PgConnection, company: CompanyId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT company_id FROM identity.company WHERE company_id = $1 FOR NO KEY UPDATE",
        company.0
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}
