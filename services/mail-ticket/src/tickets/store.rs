//! SQL on tickets and what belongs to them.

use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;

use super::{DetailKind, NewDetail, NewTicket, State, Ticket};
use crate::{error::Error, mail::Mail};

/// The most people of a ticket.
const MOST_PARTICIPANTS: i64 = 500;

/// The most tickets that the ids of one mail are looked up for.
const MOST_MEANT: i64 = 10;

/// Keeps other mails of the thread waiting until the transaction ends, so that two
/// of them do not make two tickets.
pub(crate) async fn lock_thread(
    db: &mut PgConnection,
    company: i64,
    root: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"SELECT pg_advisory_xact_lock(hashtextextended($1, $2)) AS "locked!: ()""#,
        root,
        company
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// A ticket of the company, locked; with a token, only when it is the ticket's.
pub(super) async fn lock(
    db: &mut PgConnection,
    company: i64,
    ticket: i64,
    token: Option<&str>,
) -> Result<Option<Ticket>, sqlx::Error> {
    sqlx::query_as!(
        Ticket,
        r#"SELECT ticket_id AS id, company_id AS company, department_id AS department,
                  user_id AS "user", mailbox_id AS mailbox, token, subject, customer,
                  state AS "state: State", updated_at, closed_at
           FROM mail.ticket
           WHERE company_id = $1 AND ticket_id = $2 AND ($3::text IS NULL OR token = $3)
           FOR UPDATE"#,
        company,
        ticket,
        token
    )
    .fetch_optional(db)
    .await
}

/// The tickets whose mails have these ids, which are in order of nearness; then
/// those whose mails answer them.
pub(super) async fn tickets_of_ids(
    db: &mut PgConnection,
    company: i64,
    ids: &[&str],
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT ticket_id FROM mail.message_reference
         WHERE company_id = $1 AND message_id = ANY ($2)
         ORDER BY own DESC, array_position($2, message_id), ticket_id DESC LIMIT $3",
        company,
        ids as &[&str],
        MOST_MEANT
    )
    .fetch_all(db)
    .await
}

/// The tickets whose mails answer a mail with this id, newest first.
pub(super) async fn tickets_that_answer(
    db: &mut PgConnection,
    company: i64,
    id: &str,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT ticket_id FROM mail.message_reference
         WHERE company_id = $1 AND message_id = $2 AND NOT own
         ORDER BY ticket_id DESC LIMIT $3",
        company,
        id,
        MOST_MEANT
    )
    .fetch_all(db)
    .await
}

/// Whether an address takes part in a ticket of the company; none when there is no
/// such ticket.
pub(super) async fn takes_part(
    db: &mut PgConnection,
    company: i64,
    ticket: i64,
    address: &str,
) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM mail.ticket_participant
               WHERE ticket_participant.ticket_id = ticket.ticket_id AND address = $3
           ) AS "takes_part!"
           FROM mail.ticket WHERE company_id = $1 AND ticket_id = $2"#,
        company,
        ticket,
        address
    )
    .fetch_optional(db)
    .await
}

/// Adds a ticket.
pub(super) async fn insert(
    db: &mut PgConnection,
    new: &NewTicket<'_>,
    token: &str,
) -> Result<Ticket, sqlx::Error> {
    sqlx::query_as!(
        Ticket,
        r#"INSERT INTO mail.ticket
               (company_id, department_id, user_id, mailbox_id, token, subject, customer,
                customer_name, related_ticket_id, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
           RETURNING ticket_id AS id, company_id AS company, department_id AS department,
                  user_id AS "user", mailbox_id AS mailbox, token, subject, customer,
                  state AS "state: State", updated_at, closed_at"#,
        new.company,
        new.department,
        new.user,
        new.mailbox,
        token,
        new.subject,
        new.customer.email,
        new.customer.name,
        new.related,
        new.now
    )
    .fetch_one(db)
    .await
}

/// Notes that something has happened in a ticket.
pub(crate) async fn touch(
    db: &mut PgConnection,
    now: OffsetDateTime,
    ticket: i64,
    state: State,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE mail.ticket SET updated_at = $2, state = $3,
             closed_at = CASE WHEN $3 = 'closed' THEN closed_at END
         WHERE ticket_id = $1",
        ticket,
        now,
        state as State
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a mail to a ticket; answers the id of the detail.
pub(super) async fn insert_detail(
    db: &mut PgConnection,
    new: &NewDetail<'_>,
) -> Result<i64, sqlx::Error> {
    let mail = new.mail;
    let emails = |people: &[crate::mail::Address]| -> Vec<String> {
        people.iter().map(|person| person.email.clone()).collect()
    };
    sqlx::query_scalar!(
        "INSERT INTO mail.ticket_detail
             (ticket_id, kind, inbound_id, from_name, from_address, to_addresses, cc_addresses,
              reply_address, subject, text, html, html_safe, headers, message_id, written_at,
              created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         RETURNING detail_id",
        new.ticket,
        new.kind as DetailKind,
        new.inbound,
        mail.from.name,
        mail.from.email,
        &emails(&mail.to),
        &emails(&mail.cc),
        mail.reply_address(),
        mail.subject,
        new.content.text,
        mail.html,
        new.content.html_safe,
        Json(mail.headers.all()) as _,
        mail.headers.message_id().unwrap_or_default(),
        new.written_at,
        new.now
    )
    .fetch_one(db)
    .await
}

/// Adds the files of a mail; they are copied here later.
pub(super) async fn insert_files(
    db: &mut PgConnection,
    detail: i64,
    mail: &Mail,
) -> Result<(), sqlx::Error> {
    for file in &mail.attachments {
        sqlx::query!(
            "INSERT INTO mail.attachment (detail_id, system, route, name, media_type)
             VALUES ($1, $2, $3, $4, $5)",
            detail,
            mail.system,
            file.route,
            file.name,
            file.media_type
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Adds people to a ticket, as long as there is room.
pub(crate) async fn add_participants<'a>(
    db: &mut PgConnection,
    ticket: i64,
    addresses: impl Iterator<Item = &'a String>,
) -> Result<(), Error> {
    let addresses: Vec<String> = addresses.cloned().collect();
    sqlx::query!(
        "INSERT INTO mail.ticket_participant (ticket_id, address)
         SELECT $1, address FROM unnest($2::text[]) WITH ORDINALITY AS given (address, nth)
         GROUP BY address ORDER BY min(nth)
         LIMIT greatest(0, $3 - (
             SELECT count(*) FROM mail.ticket_participant WHERE ticket_id = $1
         ))
         ON CONFLICT DO NOTHING",
        ticket,
        &addresses,
        MOST_PARTICIPANTS
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes which ids a mail of a ticket has and answers.
pub(super) async fn insert_references(
    db: &mut PgConnection,
    company: i64,
    ticket: i64,
    own: Option<&str>,
    ancestors: &[&str],
) -> Result<(), sqlx::Error> {
    if let Some(own) = own {
        sqlx::query!(
            "INSERT INTO mail.message_reference (company_id, message_id, ticket_id, own)
             VALUES ($1, $2, $3, true)
             ON CONFLICT (company_id, message_id, ticket_id) DO UPDATE SET own = true",
            company,
            own,
            ticket
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!(
        "INSERT INTO mail.message_reference (company_id, message_id, ticket_id, own)
         SELECT $1, message_id, $3, false FROM unnest($2::text[]) AS given (message_id)
         ON CONFLICT DO NOTHING",
        company,
        ancestors as &[&str],
        ticket
    )
    .execute(db)
    .await?;
    Ok(())
}
