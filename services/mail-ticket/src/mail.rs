//! A mail as this service understands it, whoever has read it.

mod address;
mod classify;
mod files;
mod headers;
mod html;
mod subject;

use chassis::FieldViolation;
use jiff::civil::DateTime;
use proto::mail::v1::SaveMailRequest;

use crate::error::Error;

pub(crate) use address::Address;
pub(crate) use classify::Kind;
pub(crate) use files::Attachment;
pub(crate) use headers::Headers;
pub(crate) use subject::{numbers, squeezed};

/// The longest subject that is kept, in characters.
const LONGEST_SUBJECT: usize = 500;

/// The longest name of a system, in characters.
const LONGEST_SYSTEM: usize = 100;

/// The documented form of a date.
const DATE: &str = "%Y-%m-%d %H:%M:%S";

/// A mail.
#[derive(Debug)]
pub(crate) struct Mail {
    /// Who has read it.
    pub(crate) system: String,
    /// One line.
    pub(crate) subject: String,
    pub(crate) from: Address,
    pub(crate) to: Vec<Address>,
    pub(crate) cc: Vec<Address>,
    pub(crate) bcc: Vec<Address>,
    pub(crate) reply_to: Vec<Address>,
    pub(crate) text: String,
    pub(crate) html: String,
    /// Local time of the mailbox.
    pub(crate) date: DateTime,
    pub(crate) headers: Headers,
    pub(crate) attachments: Vec<Attachment>,
}

/// What people are shown of a mail.
pub(crate) struct Content {
    pub(crate) text: String,
    /// Empty when there is none, or none that is safe.
    pub(crate) html_safe: String,
}

impl Mail {
    /// Reads what another system has read. Addresses of others than sender and
    /// recipient that cannot be read are left out, because no sender answers for
    /// them; the raw mail still has them.
    pub(crate) fn read(request: SaveMailRequest) -> Result<Self, Error> {
        let system = line(&request.system, LONGEST_SYSTEM + 1);
        if system.is_empty() {
            return Err(wrong("sistema", "REQUIRED", "must be given"));
        }
        if system.chars().count() > LONGEST_SYSTEM {
            return Err(wrong("sistema", "TOO_LONG", "is too long"));
        }
        let reply_to = address::list(&request.reply_to);
        let from = address::list(&request.from).into_iter().next();
        let from = from
            .or_else(|| reply_to.first().cloned())
            .ok_or_else(|| wrong("from", "INVALID", "holds no mail address"))?;
        let to = address::list(&request.to);
        if to.is_empty() {
            return Err(wrong("to", "INVALID", "holds no mail address"));
        }
        let date = DateTime::strptime(DATE, request.date.trim())
            .map_err(|_| wrong("date", "INVALID", "is no date such as 2025-10-10 12:00:00"))?;
        let attachments = files::read(&request.attachments)?;
        let (text, html) = (whole(request.text), whole(request.html));
        if blank(&text) && blank(&html) && attachments.is_empty() {
            return Err(wrong("body", "REQUIRED", "there is neither text nor file"));
        }
        Ok(Self {
            system,
            subject: line(&request.subject, LONGEST_SUBJECT),
            from,
            to,
            cc: address::list(&request.cc),
            bcc: address::list(&request.bcc),
            reply_to,
            text,
            html,
            date,
            headers: Headers::read(request.headers),
            attachments,
        })
    }

    /// Everybody it was sent to, as the lists stand.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// Where an answer goes.
    pub(crate) fn reply_address(&self) -> &str {
        self.reply_to
            .first()
            .map_or(&self.from.email, |reply_to| &reply_to.email)
    }

    /// What people are shown of it. It may take a while; call it where that does
    /// no harm.
    pub(crate) fn content(&self) -> Content {
        let html_safe = html::sanitise(&self.html).unwrap_or_default();
        let text = if blank(&self.text) {
            html::text_of(&html_safe)
        } else {
            self.text.clone()
        };
        Content { text, html_safe }
    }
}

/// A field that is wrong.
fn wrong(field: &'static str, reason: &'static str, description: &str) -> Error {
    Error::Invalid(FieldViolation {
        field,
        reason,
        description: description.to_owned(),
    })
}

fn blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Text of any length. PostgreSQL has none with a NUL.
fn whole(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

/// Text as one line of at most `longest` characters: what controls a terminal or a
/// header is a blank.
fn line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let letters = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    for letter in letters.skip_while(|letter| *letter == ' ').take(longest) {
        line.push(letter);
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SaveMailRequest {
        SaveMailRequest {
            system: "canal_lectura".to_owned(),
            from: "a@b.test".to_owned(),
            to: "c@d.test".to_owned(),
            text: "Hola".to_owned(),
            date: "2025-10-10 12:00:00".to_owned(),
            ..SaveMailRequest::default()
        }
    }

    fn field(request: SaveMailRequest) -> &'static str {
        match Mail::read(request) {
            Err(Error::Invalid(violation)) => violation.field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_mail_is_refused_by_name() {
        let without = |change: fn(&mut SaveMailRequest)| {
            let mut request = request();
            change(&mut request);
            field(request)
        };
        assert_eq!(without(|r| r.system = " \0".into()), "sistema");
        assert_eq!(without(|r| r.system = "x".repeat(101)), "sistema");
        assert_eq!(without(|r| r.from = "nobody".into()), "from");
        assert_eq!(without(|r| r.to = "undisclosed-recipients:;".into()), "to");
        assert_eq!(without(|r| r.date = "2025-02-30 12:00:00".into()), "date");
        assert_eq!(without(|r| r.date = "10/10/2025".into()), "date");
        assert_eq!(without(|r| r.text = " \n".into()), "body");
    }

    #[test]
    fn a_sender_that_cannot_be_read_is_whom_answers_go_to() {
        let mail = Mail::read(SaveMailRequest {
            from: "\"Yo\" <>".to_owned(),
            reply_to: "Ana <Ana@b.test>".to_owned(),
            ..request()
        });
        assert_eq!(mail.unwrap().from.email, "ana@b.test");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("\r\n a\r\nBcc: x\0y ", 50), "a  Bcc: x y");
        assert_eq!(line("áéíóú", 3), "áéí");
    }
}
