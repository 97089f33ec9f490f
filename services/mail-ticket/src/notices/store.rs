//! SQL on channels of notices and on the outbox.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// The kind of both notices about a new ticket.
const CREATED: &str = "notice.created";

/// The Synology channel of a department: its id and its name.
pub(super) async fn channel_of(
    db: &mut PgConnection,
    company: i64,
    department: i64,
) -> Result<Option<(i64, String)>, sqlx::Error> {
    let found = sqlx::query!(
        "SELECT channel_id, name FROM mail.synology_channel
         WHERE company_id = $1 AND department_id = $2 AND active",
        company,
        department
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|row| (row.channel_id, row.name)))
}

/// Who mails a notice to whom.
pub(super) struct Sender {
    pub(super) mailbox: i64,
    /// The address of the mailbox.
    pub(super) address: String,
    pub(super) recipient: String,
}

/// The notice address of a department, when the mailbox of the ticket can send. A
/// mailbox does not write to itself.
pub(super) async fn mail_of(
    db: &mut PgConnection,
    company: i64,
    department: i64,
    mailbox: Option<i64>,
) -> Result<Option<Sender>, sqlx::Error> {
    sqlx::query_as!(
        Sender,
        r#"SELECT mailbox_id AS mailbox, mailbox.address, notice_address.address AS recipient
           FROM mail.notice_address JOIN mail.mailbox USING (company_id)
           WHERE company_id = $1 AND notice_address.department_id = $2 AND mailbox_id = $3
             AND mailbox.active AND smtp_host IS NOT NULL
             AND lower(mailbox.address) <> lower(notice_address.address)"#,
        company,
        department,
        mailbox
    )
    .fetch_optional(db)
    .await
}

/// Queues a message to a Synology channel.
pub(super) async fn queue_synology(
    db: &mut PgConnection,
    now: OffsetDateTime,
    channel: i64,
    ticket: i64,
    text: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.outbox_synology
             (channel_id, ticket_id, kind, text, next_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
        channel,
        ticket,
        CREATED,
        text,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A mail to queue.
pub(super) struct NewMail<'a> {
    pub(super) company: i64,
    pub(super) mailbox: i64,
    pub(super) ticket: i64,
    pub(super) message_id: String,
    pub(super) recipient: &'a str,
    pub(super) subject: String,
    pub(super) text: &'a str,
}

/// Queues a mail.
pub(super) async fn queue_mail(
    db: &mut PgConnection,
    now: OffsetDateTime,
    mail: &NewMail<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO mail.outbox_mail
             (company_id, mailbox_id, ticket_id, kind, message_id, recipients, subject, text,
              next_at, created_at)
         VALUES ($1, $2, $3, $4, $5, ARRAY[$6::text], $7, $8, $9, $9)",
        mail.company,
        mail.mailbox,
        mail.ticket,
        CREATED,
        mail.message_id,
        mail.recipient,
        mail.subject,
        mail.text,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
