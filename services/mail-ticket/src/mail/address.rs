//! Mail addresses as other people write them.

use mail_parser::{HeaderValue, parsers::MessageStream};

use super::line;

/// The most addresses of one field that are kept.
const MOST: usize = 500;

/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 200;

/// The longest address in bytes (RFC 5321, 4.5.3.1).
const LONGEST: usize = 254;

/// A mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The display name; may be empty.
    pub(crate) name: String,
    /// In lower case, for case never tells two people apart.
    pub(crate) email: String,
}

impl Address {
    /// The address without what follows a plus, and that.
    pub(crate) fn untagged(&self) -> Option<(String, &str)> {
        let (user, domain) = self.email.rsplit_once('@')?;
        let (base, tag) = user.split_once('+')?;
        (!base.is_empty()).then(|| (format!("{base}@{domain}"), tag))
    }
}

/// The addresses of a list (RFC 5322, 3.4); what is none is left out.
pub(super) fn list(text: &str) -> Vec<Address> {
    // A line break would end the field, or begin another one.
    let mut field: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    field.push('\n');
    let parsed = MessageStream::new(field.as_bytes()).parse_address();
    let HeaderValue::Address(parsed) = parsed else {
        return Vec::new();
    };
    parsed
        .iter()
        .filter_map(|found| {
            let email = email(found.address()?)?;
            let name = line(found.name().unwrap_or_default(), LONGEST_NAME);
            Some(Address { name, email })
        })
        .take(MOST)
        .collect()
}

/// The address, if it has the form of one.
fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (user, domain) = text.rsplit_once('@')?;
    let odd = |letter: char| {
        letter.is_whitespace() || letter.is_control() || "<>(),;:\\\"[]@".contains(letter)
    };
    let labels = || domain.split('.');
    let fine = text.len() <= LONGEST
        && !user.is_empty()
        && !user.contains(odd)
        && !domain.contains(odd)
        && labels().all(|label| !label.is_empty());
    fine.then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emails(text: &str) -> Vec<String> {
        list(text).into_iter().map(|found| found.email).collect()
    }

    #[test]
    fn lists_are_read_as_people_write_them() {
        assert_eq!(emails("test@cyberfuel.com"), ["test@cyberfuel.com"]);
        assert_eq!(
            emails("\"Pérez, Juan\" <Juan@Empresa.com>, ana@empresa.com"),
            ["juan@empresa.com", "ana@empresa.com"]
        );
        assert_eq!(emails("Amigos: a@b.c, d@e.f;"), ["a@b.c", "d@e.f"]);
        assert_eq!(emails("=?UTF-8?Q?Mar=C3=ADa?= <m@x.test>"), ["m@x.test"]);
        assert_eq!(list("=?UTF-8?Q?Mar=C3=ADa?= <m@x.test>")[0].name, "María");
        assert_eq!(emails("undisclosed-recipients:;"), Vec::<String>::new());
    }

    #[test]
    fn the_address_is_never_taken_from_the_name() {
        assert_eq!(
            emails("\"soporte@ours.test\" <evil@x.test>"),
            ["evil@x.test"]
        );
        let crossed = list("a@b.test\r\nBcc: victim@x.test");
        assert!(crossed.iter().all(|found| !found.name.contains('\n')));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for wrong in [
            "",
            "nobody",
            "@x.test",
            "a@",
            "a@b..c",
            "\u{0}",
            "<>",
            "a@b@c.test",
        ] {
            assert!(emails(wrong).is_empty(), "{wrong}");
        }
        assert!(emails(&format!("{}@x.test", "a".repeat(300))).is_empty());
        assert_eq!(list(&"a@b.c,".repeat(2000)).len(), MOST);
    }

    #[test]
    fn a_tag_is_told_apart() {
        let address = &list("newtkt+t7.abc@x.test")[0];
        assert_eq!(
            address.untagged(),
            Some(("newtkt@x.test".to_owned(), "t7.abc"))
        );
        assert_eq!(list("newtkt@x.test")[0].untagged(), None);
    }
}
