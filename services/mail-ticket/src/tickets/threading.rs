//! Where a mail belongs.
//!
//! What it proves comes first: an id or an address of ours that holds the token of
//! a ticket. Then what it says: the mails it answers, the nearest first; mails that
//! others of the ticket answer; the number in its subject. Saying so is believed of
//! those alone who take part in the ticket, for numbers can be guessed and ids can
//! be forwarded. Whoever is not believed gets a ticket of their own, which names
//! the one that was meant.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::{State, Ticket, claim, claim_of_tag, store};
use crate::{
    error::Error,
    mail::{self, Mail},
};

/// A ticket that was closed longer ago is not opened again by another matter.
const CLOSED: Duration = Duration::days(7);

/// Nor one in which nothing has happened for longer.
const SILENT: Duration = Duration::days(30);

/// Where a mail belongs.
pub(crate) enum Place {
    /// To this ticket, which is locked.
    In(Ticket),
    /// To a new one.
    New {
        /// The ticket that was meant, if there is one.
        related: Option<i64>,
    },
}

/// Finds where a mail belongs. `own` are the addresses of the company's mailboxes.
pub(crate) async fn find(
    db: &mut PgConnection,
    now: OffsetDateTime,
    company: i64,
    mail: &Mail,
    own: &[String],
) -> Result<Place, Error> {
    let ancestors = mail.headers.ancestors();
    let ids = ancestors.iter().filter_map(|id| claim(id));
    let tags = mail.recipients().filter_map(|recipient| {
        let (base, tag) = recipient.untagged()?;
        own.contains(&base).then(|| claim_of_tag(tag))?
    });
    for (ticket, token) in ids.chain(tags) {
        if let Some(ticket) = store::lock(db, company, ticket, Some(token)).await? {
            return Ok(settle(now, mail, ticket));
        }
    }

    let mut meant = store::tickets_of_ids(db, company, &ancestors).await?;
    if let Some(id) = mail.headers.message_id() {
        meant.extend(store::tickets_that_answer(db, company, id).await?);
    }
    meant.extend(mail::numbers(&mail.subject));
    let mut related = None;
    for id in meant {
        match store::takes_part(db, company, id, &mail.from.email).await? {
            Some(true) => {
                if let Some(ticket) = store::lock(db, company, id, None).await? {
                    return Ok(settle(now, mail, ticket));
                }
            }
            Some(false) => related = related.or(Some(id)),
            None => {}
        }
    }
    Ok(Place::New { related })
}

/// Whether it is still the matter of the ticket.
fn settle(now: OffsetDateTime, mail: &Mail, ticket: Ticket) -> Place {
    let over = match ticket.closed_at {
        Some(closed_at) => ticket.state == State::Closed && now - closed_at > CLOSED,
        None => now - ticket.updated_at > SILENT,
    };
    if over && mail::squeezed(&mail.subject) != mail::squeezed(&ticket.subject) {
        return Place::New {
            related: Some(ticket.id),
        };
    }
    Place::In(ticket)
}
