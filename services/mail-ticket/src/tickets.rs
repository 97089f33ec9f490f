//! Tickets: matters that came by mail, who takes part in them and what was written.

mod store;
pub(crate) mod threading;

use aws_lc_rs::rand;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    error::Error,
    mail::{Address, Content, Mail},
};

pub(crate) use store::{add_participants, lock_thread, touch};

/// The letters of tokens: 32 of them, five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Letters of a token: 80 bits that nobody guesses.
const TOKEN: usize = 16;

/// How far a ticket has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum State {
    New,
    Open,
    /// Waits for the customer.
    Pending,
    Closed,
}

/// What a detail of a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum DetailKind {
    /// A mail of the customer's side.
    Customer,
    /// A mail that a program wrote.
    Automatic,
    /// A mail of ours was not delivered.
    Bounce,
}

/// A ticket.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) id: i64,
    pub(crate) company: i64,
    pub(crate) department: Option<i64>,
    pub(crate) user: Option<i64>,
    pub(crate) mailbox: Option<i64>,
    /// What our Message-IDs and reply addresses prove themselves with.
    pub(crate) token: String,
    pub(crate) subject: String,
    /// The address of who wrote first.
    pub(crate) customer: String,
    pub(crate) state: State,
    pub(crate) updated_at: OffsetDateTime,
    pub(crate) closed_at: Option<OffsetDateTime>,
}

/// A ticket to create.
pub(crate) struct NewTicket<'a> {
    pub(crate) company: i64,
    pub(crate) department: Option<i64>,
    pub(crate) user: Option<i64>,
    pub(crate) mailbox: Option<i64>,
    pub(crate) subject: &'a str,
    pub(crate) customer: &'a Address,
    pub(crate) related: Option<i64>,
    pub(crate) now: OffsetDateTime,
}

/// A mail to add to a ticket.
pub(crate) struct NewDetail<'a> {
    pub(crate) ticket: i64,
    pub(crate) company: i64,
    pub(crate) kind: DetailKind,
    pub(crate) inbound: i64,
    pub(crate) mail: &'a Mail,
    pub(crate) content: &'a Content,
    pub(crate) written_at: OffsetDateTime,
    pub(crate) now: OffsetDateTime,
}

/// Creates a ticket.
pub(crate) async fn create(db: &mut PgConnection, new: &NewTicket<'_>) -> Result<Ticket, Error> {
    let token = random_letters()?;
    Ok(store::insert(db, new, &token).await?)
}

/// Adds a mail to a ticket, with its files and the Message-IDs it speaks of.
pub(crate) async fn add_detail(db: &mut PgConnection, new: &NewDetail<'_>) -> Result<i64, Error> {
    let detail = store::insert_detail(db, new).await?;
    store::insert_files(db, detail, new.mail).await?;
    let headers = &new.mail.headers;
    let own = headers.message_id();
    store::insert_references(db, new.company, new.ticket, own, &headers.ancestors()).await?;
    Ok(detail)
}

/// A new Message-ID of ours, without brackets: an answer to it finds the ticket,
/// and nobody else can make one.
pub(crate) fn message_id(ticket: &Ticket, mailbox: &str) -> Result<String, Error> {
    let domain = mailbox.rsplit('@').next().unwrap_or_default();
    let unique = random_letters()?;
    Ok(format!(
        "t.{}.{}.{unique}@{domain}",
        ticket.id, ticket.token
    ))
}

/// The ticket and the token that a Message-ID of ours names.
fn claim(message_id: &str) -> Option<(i64, &str)> {
    let (local, _) = message_id.rsplit_once('@')?;
    let (ticket, rest) = local.strip_prefix("t.")?.split_once('.')?;
    let (token, _) = rest.split_once('.')?;
    Some((ticket.parse().ok()?, token))
}

/// The same of what follows the plus in a reply address of ours.
fn claim_of_tag(tag: &str) -> Option<(i64, &str)> {
    let (ticket, token) = tag.strip_prefix('t')?.split_once('.')?;
    Some((ticket.parse().ok()?, token))
}

fn random_letters() -> Result<String, Error> {
    let mut bytes = [0; TOKEN];
    rand::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    Ok(bytes.iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_ids_name_their_ticket() {
        assert_eq!(
            claim("t.132.abcdefghijklmnop.x@y.test"),
            Some((132, "abcdefghijklmnop"))
        );
        assert_eq!(claim_of_tag("t132.abc"), Some((132, "abc")));
        for other in ["t.132.abc@x", "132.abc.d@x", "t.x.abc.d@x", "t.132.abc.d"] {
            assert_eq!(claim(other), None, "{other}");
        }
    }
}
