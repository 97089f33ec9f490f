//! Who is told that there is a new ticket. Notices wait in the outbox, written with
//! the ticket; senders take them from there.

mod store;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::tickets::{self, Ticket};

/// What both channels were given to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) synology: Notice,
    pub(crate) mail: Notice,
}

/// How far a notice has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    /// None is due.
    #[default]
    NotIssued,
    /// It waits to be sent there.
    Queued(String),
}

/// Tells the department of a new ticket about it.
pub(crate) async fn created(
    db: &mut PgConnection,
    now: OffsetDateTime,
    ticket: &Ticket,
) -> Result<Told, crate::error::Error> {
    let Some(department) = ticket.department else {
        return Ok(Told::default());
    };
    let mut told = Told::default();
    let text = format!(
        "Nuevo ticket {}: {} ({})",
        ticket.id, ticket.subject, ticket.customer
    );
    if let Some((channel, name)) = store::channel_of(db, ticket.company, department).await? {
        store::queue_synology(db, now, channel, ticket.id, &text).await?;
        told.synology = Notice::Queued(name);
    }
    let sender = store::mail_of(db, ticket.company, department, ticket.mailbox).await?;
    if let Some(sender) = sender {
        let mail = store::NewMail {
            company: ticket.company,
            mailbox: sender.mailbox,
            ticket: ticket.id,
            message_id: tickets::message_id(ticket, &sender.address)?,
            recipient: &sender.recipient,
            subject: format!("[#{}] {}", ticket.id, ticket.subject),
            text: &text,
        };
        store::queue_mail(db, now, &mail).await?;
        told.mail = Notice::Queued(sender.recipient);
    }
    Ok(told)
}
