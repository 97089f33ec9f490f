//! Whether somebody wrote a mail, or a program.

use super::{Address, Mail};

/// What wrote a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody.
    Person,
    /// A program, such as an absence notice or a newsletter.
    Automatic,
    /// A mail server that could not deliver a mail of ours.
    Bounce,
    /// A provider whose customer complains.
    Feedback,
}

/// Fields that only programs write, whatever they say.
const TELLTALES: &[&str] = &[
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-response-suppress",
    "x-loop",
    "list-id",
    "list-unsubscribe",
    "feedback-id",
];

impl Mail {
    /// What wrote it.
    pub(crate) fn kind(&self) -> Kind {
        let headers = &self.headers;
        let content_type = headers.first("content-type").to_lowercase();
        if content_type.contains("report-type=") && content_type.contains("feedback-report") {
            return Kind::Feedback;
        }
        let submitted = headers.first("auto-submitted").to_lowercase();
        let answers_by_itself = submitted.starts_with("auto-replied");
        let unreturnable = headers.values("return-path").any(|path| path == "<>");
        if content_type.contains("delivery-status")
            || headers.has("x-failed-recipients")
            || is_mail_server(&self.from)
            || (unreturnable && !answers_by_itself)
        {
            return Kind::Bounce;
        }
        let by_itself = !submitted.is_empty() && submitted != "no";
        let precedence = headers.first("precedence").to_lowercase();
        let in_bulk = ["auto_reply", "bulk", "junk", "list"].contains(&precedence.as_str());
        let told = TELLTALES.iter().any(|name| headers.has(name));
        if by_itself || in_bulk || told || content_type.contains("disposition-notification") {
            Kind::Automatic
        } else {
            Kind::Person
        }
    }
}

fn is_mail_server(from: &Address) -> bool {
    let user = from.email.split('@').next().unwrap_or_default();
    ["mailer-daemon", "postmaster", "mail-daemon"].contains(&user)
}

#[cfg(test)]
mod tests {
    use proto::mail::v1::{MailHeader, SaveMailRequest};

    use super::*;

    fn kind(from: &str, name: &str, value: &str) -> Kind {
        let mail = Mail::read(SaveMailRequest {
            system: "lector".to_owned(),
            from: from.to_owned(),
            to: "newtkt@cyberfuel.com".to_owned(),
            text: "Hola".to_owned(),
            date: "2025-10-10 12:00:00".to_owned(),
            headers: vec![MailHeader {
                name: name.to_owned(),
                values: vec![value.to_owned()],
            }],
            ..SaveMailRequest::default()
        });
        mail.unwrap().kind()
    }

    #[test]
    fn programs_give_themselves_away() {
        for (name, value) in [
            ("Auto-Submitted", "auto-generated"),
            ("auto-submitted", "Auto-Replied (vacation)"),
            ("Precedence", "Bulk"),
            ("List-Id", "<news.x.test>"),
            ("X-Autoreply", "yes"),
        ] {
            assert_eq!(kind("a@b.test", name, value), Kind::Automatic, "{name}");
        }
        for (name, value) in [
            ("Auto-Submitted", "no"),
            ("Precedence", "first-class"),
            ("X-Custom-Header", "Valor"),
            ("List-Id", ""),
        ] {
            assert_eq!(kind("a@b.test", name, value), Kind::Person, "{name}");
        }
    }

    #[test]
    fn bounces_are_told_from_other_programs() {
        let report = "multipart/report; report-type=delivery-status; boundary=x";
        assert_eq!(kind("a@b.test", "Content-Type", report), Kind::Bounce);
        assert_eq!(kind("MAILER-DAEMON@b.test", "X", "y"), Kind::Bounce);
        assert_eq!(kind("a@b.test", "Return-Path", "<>"), Kind::Bounce);
        let complaint = "multipart/report; report-type=feedback-report";
        assert_eq!(kind("a@b.test", "Content-Type", complaint), Kind::Feedback);
    }
}
