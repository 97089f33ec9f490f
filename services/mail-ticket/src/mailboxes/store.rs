//! SQL on `mail.mailbox`.

use auth::TenantScope;
use postgres::Page;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{Filter, MailAuth, Mailbox, Server, Tls};

/// How many mailboxes within reach pass a filter.
pub async fn count(db: &PgPool, scope: TenantScope, filter: &Filter) -> Result<u64, sqlx::Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM mail.mailbox
           WHERE ($1::bigint IS NULL OR company_id = $1)
             AND ($2::bigint IS NULL OR mailbox_id = $2)
             AND ($3::text IS NULL OR lower(imap_user) = lower($3))
             AND ($4::bigint IS NULL OR company_id = $4)
             AND ($5::bigint IS NULL OR department_id = $5)
             AND ($6::boolean IS NULL OR active = $6)"#,
        scope.confine(),
        filter.id,
        filter.user,
        filter.company,
        filter.department,
        filter.active
    )
    .fetch_one(db)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// A page of the mailboxes within reach that pass a filter, in order of id.
pub async fn list(
    db: &PgPool,
    scope: TenantScope,
    filter: &Filter,
    page: Page,
) -> Result<Vec<Mailbox>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT mailbox_id, company_id, department_id, address,
                  imap_host, imap_port, imap_tls AS "imap_tls: Tls", imap_user,
                  imap_auth AS "imap_auth: MailAuth",
                  smtp_host, smtp_port, smtp_tls AS "smtp_tls: Tls", smtp_user,
                  smtp_auth AS "smtp_auth: MailAuth",
                  folders, active, fetching, poll_seconds, time_zone
           FROM mail.mailbox
           WHERE ($1::bigint IS NULL OR company_id = $1)
             AND ($2::bigint IS NULL OR mailbox_id = $2)
             AND ($3::text IS NULL OR lower(imap_user) = lower($3))
             AND ($4::bigint IS NULL OR company_id = $4)
             AND ($5::bigint IS NULL OR department_id = $5)
             AND ($6::boolean IS NULL OR active = $6)
           ORDER BY mailbox_id LIMIT $7 OFFSET $8"#,
        scope.confine(),
        filter.id,
        filter.user,
        filter.company,
        filter.department,
        filter.active,
        page.limit(),
        page.offset()
    )
    .fetch_all(db)
    .await?;
    let port = |port: i32| u16::try_from(port).unwrap_or(0);
    let mailboxes = rows.into_iter().map(|row| Mailbox {
        id: row.mailbox_id,
        company: row.company_id,
        department: row.department_id,
        address: row.address,
        imap: Server {
            host: row.imap_host,
            port: port(row.imap_port),
            tls: row.imap_tls,
            user: row.imap_user,
            auth: row.imap_auth,
        },
        smtp: row.smtp_host.and_then(|host| {
            Some(Server {
                host,
                port: port(row.smtp_port?),
                tls: row.smtp_tls?,
                user: row.smtp_user?,
                auth: row.smtp_auth?,
            })
        }),
        folders: row.folders,
        active: row.active,
        fetching: row.fetching,
        poll_seconds: u32::try_from(row.poll_seconds).unwrap_or(0),
        time_zone: row.time_zone,
    });
    Ok(mailboxes.collect())
}

/// The sealed secret of a mailbox.
pub struct StoredSecret {
    pub mailbox: i64,
    pub company: i64,
    pub auth: MailAuth,
    pub sealed: Vec<u8>,
}

/// The secrets of those mailboxes that are within reach, in order of id.
pub async fn secrets(
    db: &mut PgConnection,
    scope: TenantScope,
    ids: &[i64],
) -> Result<Vec<StoredSecret>, sqlx::Error> {
    sqlx::query_as!(
        StoredSecret,
        r#"SELECT mailbox_id AS mailbox, company_id AS company, imap_auth AS "auth: MailAuth",
                  imap_secret_sealed AS sealed
           FROM mail.mailbox
           WHERE ($1::bigint IS NULL OR company_id = $1) AND mailbox_id = ANY ($2)
           ORDER BY mailbox_id"#,
        scope.confine(),
        ids
    )
    .fetch_all(db)
    .await
}

/// Adds a mailbox that only receives under its id, unless the id or the account
/// is taken; says whether it did.
pub async fn insert_with_id(
    db: &mut PgConnection,
    now: OffsetDateTime,
    mailbox: &Mailbox,
    sealed: &[u8],
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "INSERT INTO mail.mailbox
             (mailbox_id, company_id, department_id, address, imap_host, imap_port, imap_tls,
              imap_user, imap_auth, imap_secret_sealed, folders, active, fetching, poll_seconds,
              time_zone, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)
         ON CONFLICT DO NOTHING",
        mailbox.id,
        mailbox.company,
        mailbox.department,
        mailbox.address,
        mailbox.imap.host,
        i32::from(mailbox.imap.port),
        mailbox.imap.tls as Tls,
        mailbox.imap.user,
        mailbox.imap.auth as MailAuth,
        sealed,
        &mailbox.folders,
        mailbox.active,
        mailbox.fetching,
        i32::try_from(mailbox.poll_seconds).unwrap_or(i32::MAX),
        mailbox.time_zone,
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
             pg_get_serial_sequence('mail.mailbox', 'mailbox_id'),
             (SELECT max(mailbox_id) FROM mail.mailbox)
         )"
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// The mailbox that a mail came to.
pub(crate) struct Receiving {
    pub(crate) id: i64,
    pub(crate) company: i64,
}

/// The active mailbox within reach that receives for the first of the addresses
/// that has one; they are in lower case.
pub(crate) async fn receiving(
    db: &PgPool,
    scope: TenantScope,
    addresses: &[String],
) -> Result<Option<Receiving>, sqlx::Error> {
    sqlx::query_as!(
        Receiving,
        "SELECT mailbox_id AS id, company_id AS company
         FROM mail.mailbox JOIN unnest($2::text[]) WITH ORDINALITY AS given (wanted, nth)
             ON wanted IN (lower(address), lower(imap_user))
         WHERE ($1::bigint IS NULL OR company_id = $1) AND active
         ORDER BY nth, mailbox_id LIMIT 1",
        scope.confine(),
        addresses
    )
    .fetch_optional(db)
    .await
}

/// The addresses that mails of ours come from, in lower case.
pub(crate) async fn own_addresses(
    db: &mut PgConnection,
    company: i64,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT lower(address) AS "address!" FROM mail.mailbox WHERE company_id = $1
           UNION SELECT lower(imap_user) FROM mail.mailbox WHERE company_id = $1"#,
        company
    )
    .fetch_all(db)
    .await
}

/// The department that gets the mails of a mailbox.
pub(crate) async fn department(db: &mut PgConnection, mailbox: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT department_id FROM mail.mailbox WHERE mailbox_id = $1",
        mailbox
    )
    .fetch_one(db)
    .await
}

/// The time zone of a mailbox; empty means that of its company.
pub(crate) async fn time_zone(db: &mut PgConnection, mailbox: i64) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT time_zone FROM mail.mailbox WHERE mailbox_id = $1",
        mailbox
    )
    .fetch_one(db)
    .await
}
