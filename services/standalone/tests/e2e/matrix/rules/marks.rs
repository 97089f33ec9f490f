//! By what a list shows that it holds something of a company.

use crate::matrix::things::Things;

pub fn company(things: &Things) -> String {
    match things.company {
        3 => "demo@empresa.com".to_owned(),
        _ => "contacto@otra.test".to_owned(),
    }
}

pub fn department(things: &Things) -> String {
    format!("\"id_department\":{},", things.department)
}

pub fn faq(things: &Things) -> String {
    format!("\"id_faq\":{},", things.faq)
}

pub fn user(things: &Things) -> String {
    things.user_email.clone()
}

pub fn channel(things: &Things) -> String {
    things.channel_name.clone()
}

pub fn chat(things: &Things) -> String {
    format!("\"{}\"", things.chat)
}

pub fn mailbox(things: &Things) -> String {
    things.mailbox.to_owned()
}
