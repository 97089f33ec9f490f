//! SQL on raw and inbound mails.

use aws_lc_rs::digest::{SHA256, digest};
use sqlx::{PgConnection, PgPool, types::Json};
use time::OffsetDateTime;

use super::{Answer, Outcome};
use crate::{error::Error, mail::Mail};

/// How a mail that came by gRPC is kept.
const SAVE_MAIL: &str = "save_mail";

/// A mail to store.
pub(super) struct NewInbound<'a> {
    pub(super) company: i64,
    pub(super) mailbox: Option<i64>,
    pub(super) identity: [u8; 32],
    pub(super) raw: &'a [u8],
    pub(super) received_at: OffsetDateTime,
    pub(super) mail: &'a Mail,
}

/// A mail that is stored.
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) answer: Option<Answer>,
}

/// A mail that nobody else works on.
pub(super) struct Locked {
    pub(super) id: i64,
    pub(super) company: i64,
    pub(super) mailbox: Option<i64>,
    pub(super) received_at: OffsetDateTime,
    pub(super) answer: Option<Answer>,
}

/// The same mail, if it is stored already.
pub(super) async fn find(
    db: &mut PgConnection,
    new: &NewInbound<'_>,
) -> Result<Option<Stored>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT inbound_id, result AS "result: Json<Answer>" FROM mail.inbound
           WHERE company_id = $1 AND COALESCE(mailbox_id, 0) = $2 AND identity = $3"#,
        new.company,
        new.mailbox.unwrap_or(0),
        &new.identity
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|row| Stored {
        id: row.inbound_id,
        answer: row.result.map(|result| result.0),
    }))
}

/// Stores a mail, or finds the twin that came at the same moment. A worker takes
/// it up at `next_at`.
pub(super) async fn insert(
    db: &mut PgConnection,
    new: &NewInbound<'_>,
    next_at: OffsetDateTime,
) -> Result<Stored, Error> {
    let raw_digest = digest(&SHA256, new.raw);
    sqlx::query!(
        "INSERT INTO mail.raw_mail (digest, format, content, stored_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        raw_digest.as_ref(),
        SAVE_MAIL,
        new.raw,
        new.received_at
    )
    .execute(&mut *db)
    .await?;
    let inserted = sqlx::query_scalar!(
        "INSERT INTO mail.inbound
             (company_id, mailbox_id, source, system, raw_digest, identity, sender, subject,
              size, received_at, next_at)
         VALUES ($1, $2, 'api', $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (company_id, COALESCE(mailbox_id, 0), identity) DO NOTHING
         RETURNING inbound_id",
        new.company,
        new.mailbox,
        new.mail.system,
        raw_digest.as_ref(),
        &new.identity,
        new.mail.from.email,
        new.mail.subject,
        i64::try_from(new.raw.len()).unwrap_or(i64::MAX),
        new.received_at,
        next_at
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(id) = inserted {
        return Ok(Stored { id, answer: None });
    }
    find(db, new).await?.ok_or(Error::Unreadable)
}

/// Takes a mail into hand, waiting for whoever has it.
pub(super) async fn lock(db: &mut PgConnection, inbound: i64) -> Result<Locked, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT company_id, mailbox_id, received_at, result AS "result: Json<Answer>"
           FROM mail.inbound WHERE inbound_id = $1 FOR UPDATE"#,
        inbound
    )
    .fetch_one(db)
    .await?;
    Ok(Locked {
        id: inbound,
        company: row.company_id,
        mailbox: row.mailbox_id,
        received_at: row.received_at,
        answer: row.result.map(|result| result.0),
    })
}

/// Notes what became of a mail.
pub(super) async fn finish(
    db: &mut PgConnection,
    inbound: i64,
    answer: &Answer,
) -> Result<(), sqlx::Error> {
    let state = match answer.outcome {
        Outcome::Created | Outcome::Appended => "done",
        Outcome::Ignored => "ignored",
    };
    sqlx::query!(
        "UPDATE mail.inbound SET state = $2, result = $3, error = '' WHERE inbound_id = $1",
        inbound,
        state,
        Json(answer) as _
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Mails that wait and that nobody has finished in time, oldest first.
pub(super) async fn waiting(
    db: &PgPool,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT inbound_id FROM mail.inbound
         WHERE state = 'stored' AND next_at <= $1 ORDER BY inbound_id LIMIT $2",
        now,
        limit
    )
    .fetch_all(db)
    .await
}

/// A mail as it came.
pub(super) async fn raw(db: &PgPool, inbound: i64) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT content FROM mail.inbound JOIN mail.raw_mail ON digest = raw_digest
         WHERE inbound_id = $1",
        inbound
    )
    .fetch_one(db)
    .await
}

/// Notes that a mail could not be processed; after `most` tries it is put aside.
pub(super) async fn failed(
    db: &PgPool,
    inbound: i64,
    error: &str,
    next_at: OffsetDateTime,
    most: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE mail.inbound SET attempts = attempts + 1, error = $2, next_at = $3,
             state = CASE WHEN attempts + 1 >= $4 THEN 'quarantined' ELSE state END
         WHERE inbound_id = $1 AND state = 'stored'",
        inbound,
        error,
        next_at,
        most
    )
    .execute(db)
    .await?;
    Ok(())
}
