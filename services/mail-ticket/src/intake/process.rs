//! From a stored mail to a ticket, in one transaction.

use std::collections::BTreeMap;

use jiff::{civil::DateTime, tz::TimeZone};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Answer, Outcome, store::Locked};
use crate::{
    config::System,
    error::Error,
    mail::{Address, Content, Kind, Mail},
    mailboxes, notices,
    notices::Told,
    people,
    tickets::{self, DetailKind, NewDetail, NewTicket, State, Ticket, threading},
};

/// The zone of dates that neither the mailbox nor the company has one for.
const HOUSE_ZONE: &str = "America/Costa_Rica";

/// How far ahead of its receipt a mail may be dated.
const MOST_AHEAD: time::Duration = time::Duration::days(1);

/// Mail is not older than this; a date before is a mistake.
const OLDEST_YEAR: i32 = 1971;

/// A mail in hand.
pub(super) struct Work<'a> {
    pub(super) now: OffsetDateTime,
    pub(super) systems: &'a BTreeMap<String, System>,
    pub(super) inbound: &'a Locked,
    pub(super) mail: &'a Mail,
    pub(super) content: &'a Content,
}

impl Work<'_> {
    /// Decides what the mail is and stores that.
    pub(super) async fn run(&self, db: &mut PgConnection) -> Result<Answer, Error> {
        let company = self.inbound.company;
        let own = mailboxes::own_addresses(db, company).await?;
        if self.is_loop(&own) {
            return Ok(Answer::ignored());
        }
        let kind = self.mail.kind();
        if let Some(root) = self.mail.headers.root() {
            tickets::lock_thread(db, company, root).await?;
        }
        let place = threading::find(db, self.now, company, self.mail, &own).await?;
        match (place, kind) {
            (threading::Place::In(ticket), _) => self.append(db, ticket, kind, &own).await,
            (threading::Place::New { related }, Kind::Person) => {
                self.create(db, related, &own).await
            }
            (threading::Place::New { .. }, _) => Ok(Answer::ignored()),
        }
    }

    /// A mail of ours that came back would make mails for ever.
    fn is_loop(&self, own: &[String]) -> bool {
        let is_own = |address: &str| own.iter().any(|known| known == address);
        let mut marks = self.mail.headers.values("x-loop");
        is_own(&self.mail.from.email) || marks.any(|mark| is_own(&mark.to_lowercase()))
    }

    async fn create(
        &self,
        db: &mut PgConnection,
        related: Option<i64>,
        own: &[String],
    ) -> Result<Answer, Error> {
        let company = self.inbound.company;
        let department = self.department(db).await?;
        let user = match department {
            Some(department) => people::assign(db, self.now, company, department).await?,
            None => None,
        };
        let new = NewTicket {
            company,
            department,
            user,
            mailbox: self.inbound.mailbox,
            subject: &self.mail.subject,
            customer: &self.mail.from,
            related,
            now: self.now,
        };
        let ticket = tickets::create(db, &new).await?;
        let detail = self.add(db, &ticket, DetailKind::Customer).await?;
        self.welcome(db, &ticket, own).await?;
        let told = notices::created(db, self.now, &ticket).await?;
        Ok(answer(Outcome::Created, &ticket, detail, told))
    }

    async fn append(
        &self,
        db: &mut PgConnection,
        ticket: Ticket,
        kind: Kind,
        own: &[String],
    ) -> Result<Answer, Error> {
        let (detail_kind, state) = match kind {
            Kind::Person => (DetailKind::Customer, woken(ticket.state)),
            Kind::Automatic | Kind::Feedback => (DetailKind::Automatic, ticket.state),
            Kind::Bounce => (DetailKind::Bounce, ticket.state),
        };
        let detail = self.add(db, &ticket, detail_kind).await?;
        tickets::touch(db, self.now, ticket.id, state).await?;
        if kind == Kind::Person {
            self.welcome(db, &ticket, own).await?;
        }
        Ok(answer(Outcome::Appended, &ticket, detail, Told::default()))
    }

    /// Stores the mail as a detail of the ticket.
    async fn add(
        &self,
        db: &mut PgConnection,
        ticket: &Ticket,
        kind: DetailKind,
    ) -> Result<i64, Error> {
        let new = NewDetail {
            ticket: ticket.id,
            company: ticket.company,
            kind,
            inbound: self.inbound.id,
            mail: self.mail,
            content: self.content,
            written_at: self.written_at(db).await?,
            now: self.now,
        };
        tickets::add_detail(db, &new).await
    }

    /// Whoever wrote it, and whoever it was sent to, takes part from now on.
    async fn welcome(
        &self,
        db: &mut PgConnection,
        ticket: &Ticket,
        own: &[String],
    ) -> Result<(), Error> {
        let from = std::iter::once(&self.mail.from);
        let people = from
            .chain(&self.mail.reply_to)
            .chain(self.mail.recipients());
        let is_own = |person: &Address| {
            let base = person.untagged().map(|(base, _)| base);
            own.contains(&person.email) || base.is_some_and(|base| own.contains(&base))
        };
        let strangers = people.filter(|person| !is_own(person));
        let addresses = strangers.map(|person| &person.email);
        tickets::add_participants(db, ticket.id, addresses).await
    }

    /// Who gets a new ticket: the department of the mailbox, of the system that has
    /// read the mail, or the first one of the company.
    async fn department(&self, db: &mut PgConnection) -> Result<Option<i64>, Error> {
        if let Some(mailbox) = self.inbound.mailbox {
            return Ok(Some(mailboxes::department(db, mailbox).await?));
        }
        let company = self.inbound.company;
        let system = self.systems.get(&self.mail.system);
        let system = system.filter(|system| system.company == company && system.department != 0);
        match system {
            Some(system) => Ok(Some(system.department)),
            None => Ok(people::first_department(db, company).await?),
        }
    }

    async fn written_at(&self, db: &mut PgConnection) -> Result<OffsetDateTime, Error> {
        let mut zone = match self.inbound.mailbox {
            Some(mailbox) => mailboxes::time_zone(db, mailbox).await?,
            None => String::new(),
        };
        if zone.is_empty() {
            let company = people::time_zone(db, self.inbound.company).await?;
            zone = company.unwrap_or_default();
        }
        Ok(instant(self.mail.date, &zone)
            .filter(|at| *at <= self.inbound.received_at + MOST_AHEAD && at.year() >= OLDEST_YEAR)
            .unwrap_or(self.inbound.received_at))
    }
}

/// What a mail of the customer makes of the state of a ticket.
fn woken(state: State) -> State {
    match state {
        State::Pending | State::Closed => State::Open,
        State::New | State::Open => state,
    }
}

/// The moment of a local time; an hour that does not exist is the one after it.
fn instant(date: DateTime, zone: &str) -> Option<OffsetDateTime> {
    let zone = TimeZone::get(zone).or_else(|_| TimeZone::get(HOUSE_ZONE));
    let zoned = date.to_zoned(zone.ok()?).ok()?;
    OffsetDateTime::from_unix_timestamp(zoned.timestamp().as_second()).ok()
}

fn answer(outcome: Outcome, ticket: &Ticket, detail: i64, told: Told) -> Answer {
    Answer {
        outcome,
        ticket: ticket.id,
        detail,
        department: ticket.department.unwrap_or(0),
        user: ticket.user.unwrap_or(0),
        told,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn local_time_is_that_of_the_zone() {
        let noon = date(2025, 10, 10).at(12, 0, 0, 0);
        let at = |zone| instant(noon, zone).unwrap().unix_timestamp();
        assert_eq!(at("UTC") + 6 * 3600, at("America/Costa_Rica"));
        assert_eq!(at(""), at("America/Costa_Rica"));
        assert_eq!(at("Nowhere/Else"), at("America/Costa_Rica"));
        // 02:30 does not exist on this day.
        let gap = date(2025, 3, 30).at(2, 30, 0, 0);
        let after = date(2025, 3, 30).at(3, 30, 0, 0);
        assert_eq!(
            instant(gap, "Europe/Madrid"),
            instant(after, "Europe/Madrid")
        );
    }
}
