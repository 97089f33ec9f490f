//! SQL on `identity.revocation`, its head and its leases.

use auth::{ClientId, CompanyId, UserId};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{Sequence, Subject};

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

/// Voids what users of a company have.
pub async fn raise_company(
    db: &mut PgConnection,
    company: CompanyId,
    sequence: Sequence,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE identity.company SET epoch = $2 WHERE company_id = $1",
        company.0,
        sequence.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says whether a live lease has not applied an entry yet.
pub async fn behind(db: &PgPool, sequence: Sequence) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM identity.revocation_lease
               WHERE expires_at > now() AND applied < $1
           ) AS "behind!""#,
        sequence.0
    )
    .fetch_one(db)
    .await
}
