//! What makes two mails the same mail.

use aws_lc_rs::digest::{Context, SHA256};

use crate::mail::{Mail, squeezed};

/// The offsets of all time zones are multiples of this, in seconds.
const ZONE_STEP: i64 = 15 * 60;

/// A digest that two deliveries of one mail have in common.
///
/// With a Message-ID it does not depend on who has read the mail, nor on the zone
/// that its date was written in; sender, subject and date belong to it because some
/// programs use an id again, and their second mail must not vanish. Without one it
/// is everything that people wrote.
pub(super) fn of(mail: &Mail) -> [u8; 32] {
    let mut digest = Digest(Context::new(&SHA256));
    if let Some(id) = mail.headers.message_id() {
        let seconds = mail.date.to_zoned(jiff::tz::TimeZone::UTC);
        let seconds = seconds.map_or(0, |date| date.timestamp().as_second());
        digest.add("message-id");
        digest.add(id);
        digest.add(&mail.from.email);
        digest.add(&squeezed(&mail.subject));
        digest.add(&seconds.rem_euclid(ZONE_STEP).to_string());
    } else {
        digest.add("content");
        digest.add(&mail.system);
        digest.add(&mail.from.email);
        for recipient in &mail.to {
            digest.add(&recipient.email);
        }
        digest.add("subject");
        digest.add(&mail.subject);
        digest.add(&mail.date.to_string());
        digest.add(&mail.text);
        digest.add(&mail.html);
        for attachment in &mail.attachments {
            digest.add(&attachment.name);
        }
    }
    digest.finish()
}

/// A digest of parts that cannot run into one another.
struct Digest(Context);

impl Digest {
    fn add(&mut self, part: &str) {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part.as_bytes());
    }

    fn finish(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proto::mail::v1::{MailHeader, SaveMailRequest};

    use super::*;

    fn mail(change: impl FnOnce(&mut SaveMailRequest)) -> [u8; 32] {
        let mut request = SaveMailRequest {
            system: "uno".to_owned(),
            subject: "Prueba".to_owned(),
            from: "a@b.test".to_owned(),
            to: "c@d.test".to_owned(),
            text: "Hola".to_owned(),
            date: "2025-10-10 12:00:00".to_owned(),
            ..SaveMailRequest::default()
        };
        change(&mut request);
        of(&Mail::read(request).unwrap())
    }

    fn with_id(request: &mut SaveMailRequest) {
        request.headers.push(MailHeader {
            name: "Message-ID".to_owned(),
            values: vec!["<1@b.test>".to_owned()],
        });
    }

    #[test]
    fn with_an_id_readers_and_zones_do_not_matter() {
        let one = mail(with_id);
        let other = mail(|request| {
            with_id(request);
            request.system = "dos".to_owned();
            request.text = "Hola\n".to_owned();
            request.date = "2025-10-10 18:00:00".to_owned();
        });
        assert_eq!(one, other);
        let again = |change: fn(&mut SaveMailRequest)| {
            mail(|request| {
                with_id(request);
                change(request);
            })
        };
        assert_ne!(
            one,
            again(|request| request.date = "2025-10-10 12:00:07".into())
        );
        assert_ne!(one, again(|request| request.subject = "Otra".into()));
    }

    #[test]
    fn without_one_everything_counts() {
        let one = mail(|_| {});
        assert_eq!(one, mail(|request| request.cc = "x@y.test".into()));
        assert_ne!(one, mail(|request| request.text = "Hola.".into()));
        assert_ne!(one, mail(|request| request.system = "dos".into()));
        assert_ne!(one, mail(with_id));
    }
}
