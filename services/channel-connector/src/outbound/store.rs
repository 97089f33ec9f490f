//! All SQL of the sending queue.

use proto::{conversation::v1::DeliveryStatus, events::v1::OutboundRequested};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::Result, providers::Fault};

/// A message to queue.
pub(super) struct NewOutbound<'a> {
    pub(super) id: Uuid,
    pub(super) company: i64,
    pub(super) requested: &'a OutboundRequested,
    pub(super) recipient_kind: i32,
    pub(super) recipient: &'a str,
    pub(super) state: &'a str,
    pub(super) error: &'a str,
    pub(super) report: DeliveryStatus,
}

/// A message that this process has in hand.
pub(super) struct Leased {
    pub(super) id: Uuid,
    pub(super) company_id: i64,
    pub(super) channel_id: i64,
    pub(super) recipient_kind: i32,
    pub(super) recipient: String,
    pub(super) body: String,
    pub(super) reply_to: String,
    pub(super) media_filename: String,
    pub(super) attempts: i32,
    pub(super) throttles: i32,
}

/// What an attempt changes.
pub(super) struct Change {
    pub(super) state: &'static str,
    provider_id: String,
    pub(super) error_code: String,
    error: &'static str,
    /// For the log only.
    pub(super) detail: String,
    next_at: Option<OffsetDateTime>,
    attempted: bool,
    throttled: bool,
    /// What conversation should know; unspecified when it knows already.
    report: DeliveryStatus,
}

impl Change {
    fn to(state: &'static str) -> Self {
        Self {
            state,
            provider_id: String::new(),
            error_code: String::new(),
            error: "",
            detail: String::new(),
            next_at: None,
            attempted: true,
            throttled: false,
            report: DeliveryStatus::Unspecified,
        }
    }

    fn because(state: &'static str, fault: &Fault) -> Self {
        Self {
            error_code: fault.code.clone(),
            error: fault.spanish,
            detail: fault.detail.clone(),
            ..Self::to(state)
        }
    }

    pub(super) fn sent(provider_id: String) -> Self {
        Self {
            provider_id,
            report: DeliveryStatus::Sent,
            ..Self::to("sent")
        }
    }

    pub(super) fn throttled(until: OffsetDateTime) -> Self {
        Self {
            next_at: Some(until),
            attempted: false,
            throttled: true,
            ..Self::to("queued")
        }
    }

    pub(super) fn held(fault: &Fault) -> Self {
        Self {
            attempted: false,
            ..Self::because("held", fault)
        }
    }

    pub(super) fn retry(fault: &Fault, at: OffsetDateTime) -> Self {
        Self {
            next_at: Some(at),
            ..Self::because("queued", fault)
        }
    }

    pub(super) fn failed(fault: &Fault) -> Self {
        Self {
            report: DeliveryStatus::Failed,
            ..Self::because("failed", fault)
        }
    }

    pub(super) fn uncertain(fault: &Fault) -> Self {
        Self {
            report: DeliveryStatus::Uncertain,
            ..Self::because("uncertain", fault)
        }
    }
}

pub(super) async fn owns_channel(
    db: &mut PgConnection,
    company: i64,
    channel: i64,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM channel.channel WHERE id = $1 AND company_id = $2) AS "owns!""#,
        channel,
        company,
    )
    .fetch_one(db)
    .await?)
}

/// Queues a message once for each message id.
pub(super) async fn insert(
    db: &mut PgConnection,
    new: NewOutbound<'_>,
    now: OffsetDateTime,
) -> Result<()> {
    let requested = new.requested;
    sqlx::query!(
        "INSERT INTO channel.outbound
             (id, company_id, channel_id, chat_id, message_id, recipient_kind, recipient,
              recipient_key, body, reply_to, media_filename, state, error, report, next_at,
              report_next_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $15)
         ON CONFLICT (message_id) DO NOTHING",
        new.id,
        new.company,
        requested.channel_id,
        requested.chat_id,
        requested.message_id,
        new.recipient_kind,
        new.recipient,
        format!("{}:{}", new.recipient_kind, new.recipient),
        requested.text,
        requested.reply_to_provider_id,
        requested.media_filename,
        new.state,
        new.error,
        i32::from(new.report),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Settles what a process had in hand when it died: what it had not begun to send waits again,
/// what it had may be out. Answers how many.
pub(super) async fn take_from_the_dead(pool: &PgPool, now: OffsetDateTime) -> Result<u64> {
    let taken = sqlx::query!(
        "UPDATE channel.outbound
         SET state = CASE state WHEN 'leased' THEN 'queued' ELSE 'uncertain' END,
             report = CASE state WHEN 'leased' THEN report ELSE $2 END,
             error_code = CASE state WHEN 'leased' THEN error_code ELSE 'crashed' END,
             error = CASE state WHEN 'leased' THEN error
                                ELSE 'El proveedor no confirmó la entrega.' END,
             report_next_at = $1, lease_until = NULL, leased_by = NULL
         WHERE state IN ('leased', 'sending') AND lease_until < $1",
        now,
        i32::from(DeliveryStatus::Uncertain),
    )
    .execute(pool)
    .await?;
    Ok(taken.rows_affected())
}

/// Gives up what has waited since before a time; says whether there was any.
pub(super) async fn give_up(
    pool: &PgPool,
    now: OffsetDateTime,
    before: OffsetDateTime,
) -> Result<bool> {
    let given_up = sqlx::query!(
        "UPDATE channel.outbound
         SET state = 'failed', report = $3, report_next_at = $1, error_code = 'too_late',
             error = 'El mensaje no se pudo enviar en 24 horas.'
         WHERE state IN ('queued', 'held') AND created_at < $2",
        now,
        before,
        i32::from(DeliveryStatus::Failed),
    )
    .execute(pool)
    .await?;
    Ok(given_up.rows_affected() > 0)
}

/// Takes the next message of as many recipients as the limit says. Only the first one that is
/// not settled of each recipient can be taken. Those that were held go once the channel is
/// authorized again.
pub(super) async fn lease(
    pool: &PgPool,
    by: Uuid,
    now: OffsetDateTime,
    until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Leased>> {
    let leased = sqlx::query_as!(
        Leased,
        "UPDATE channel.outbound o
         SET state = 'leased', lease_until = $3, leased_by = $1
         WHERE o.id IN (
             SELECT head.id
             FROM channel.outbound head
             JOIN channel.channel channel ON channel.id = head.channel_id
             WHERE head.state IN ('queued', 'held') AND head.next_at <= $2
               AND channel.active AND channel.health = 'ok'
               AND (channel.paused_until IS NULL OR channel.paused_until <= $2)
               AND NOT EXISTS (
                   SELECT FROM channel.outbound earlier
                   WHERE earlier.channel_id = head.channel_id
                     AND earlier.recipient_key = head.recipient_key
                     AND earlier.seq < head.seq
                     AND earlier.state IN ('queued', 'leased', 'sending', 'held'))
             ORDER BY head.seq LIMIT $4
             FOR UPDATE OF head SKIP LOCKED)
         RETURNING o.id, o.company_id, o.channel_id, o.recipient_kind, o.recipient, o.body,
                   o.reply_to, o.media_filename, o.attempts, o.throttles",
        by,
        now,
        until,
        limit,
    )
    .fetch_all(pool)
    .await;
    match leased {
        // Another replica has the recipient in hand at this very moment.
        Err(error) if postgres::constraint::violated(&error) == Some("outbound_one_in_hand") => {
            Ok(Vec::new())
        }
        other => Ok(other?),
    }
}

/// Marks a message as being sent; false when it is not in hand any more.
pub(super) async fn begin_sending(
    pool: &PgPool,
    message: &Leased,
    by: Uuid,
    until: OffsetDateTime,
) -> Result<bool> {
    let begun = sqlx::query!(
        "UPDATE channel.outbound SET state = 'sending', lease_until = $3
         WHERE id = $1 AND leased_by = $2 AND state = 'leased'",
        message.id,
        by,
        until,
    )
    .execute(pool)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Commits what became of an attempt, unless somebody has settled the message meanwhile. An
/// answer that comes after the lease has run out still settles what is in doubt.
pub(super) async fn settle(
    pool: &PgPool,
    message: &Leased,
    by: Uuid,
    from: &str,
    change: &Change,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.outbound
         SET state = $4,
             provider_id = CASE WHEN $5 = '' THEN provider_id ELSE $5 END,
             error_code = $6, error = $7,
             next_at = COALESCE($8, next_at),
             attempts = attempts + CASE WHEN $9 THEN 1 ELSE 0 END,
             throttles = CASE WHEN $10 THEN throttles + 1 ELSE 0 END,
             report = CASE WHEN $11 = 0 THEN report ELSE $11 END,
             report_next_at = $12, lease_until = NULL, leased_by = NULL,
             sent_at = CASE WHEN $4 = 'sent' THEN $12 ELSE sent_at END
         WHERE id = $1
           AND ((leased_by = $2 AND state = $3) OR (state = 'uncertain' AND $4 = 'sent'))",
        message.id,
        by,
        from,
        change.state,
        change.provider_id,
        change.error_code,
        change.error,
        change.next_at,
        change.attempted,
        change.throttled,
        i32::from(change.report),
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A message that conversation knows less of than we do.
pub(super) struct Unreported {
    pub(super) id: Uuid,
    pub(super) message_id: i64,
    pub(super) report: i32,
    pub(super) provider_id: String,
    pub(super) error_code: String,
    pub(super) error: String,
    pub(super) report_attempts: i32,
}

pub(super) async fn unreported(
    pool: &PgPool,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Unreported>> {
    Ok(sqlx::query_as!(
        Unreported,
        "SELECT id, message_id, report, provider_id, error_code, error, report_attempts
         FROM channel.outbound WHERE report <> reported AND report_next_at <= $1
         ORDER BY report_next_at, seq LIMIT $2",
        now,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Notes what conversation has been told.
pub(super) async fn reported(pool: &PgPool, told: &Unreported) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.outbound SET reported = $2, report_attempts = 0 WHERE id = $1",
        told.id,
        told.report,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that a report was refused, and when to try it again.
pub(super) async fn report_refused(
    pool: &PgPool,
    told: &Unreported,
    next_at: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "UPDATE channel.outbound
         SET report_attempts = report_attempts + 1, report_next_at = $2 WHERE id = $1",
        told.id,
        next_at,
    )
    .execute(pool)
    .await?;
    Ok(())
}
