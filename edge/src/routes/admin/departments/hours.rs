//! The weekly calendar as the documents write it: `lunes_apertura`,
//! `lunes_cierre` and so on, `defecto`, `email`.

use proto::tenancy::v1::{BusinessHours, DayHours, update_department_request::HoursChange};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    errors::Failure,
    exchange::Exchange,
    input::{Check, Language, sentence},
};

/// Opening and closing time of each day, Monday first: as fields of a request.
const DAYS: [(&str, &str); 7] = [
    ("hour.lunes_apertura", "hour.lunes_cierre"),
    ("hour.martes_apertura", "hour.martes_cierre"),
    ("hour.miercoles_apertura", "hour.miercoles_cierre"),
    ("hour.jueves_apertura", "hour.jueves_cierre"),
    ("hour.viernes_apertura", "hour.viernes_cierre"),
    ("hour.sabado_apertura", "hour.sabado_cierre"),
    ("hour.domingo_apertura", "hour.domingo_cierre"),
];

/// A calendar as an object: only what is set, in the order of the week.
pub struct Hours(pub BusinessHours);

/// The key that a field has in the object.
fn key(field: &str) -> &str {
    field.strip_prefix("hour.").unwrap_or(field)
}

fn days(hours: &BusinessHours) -> [&Option<DayHours>; 7] {
    [
        &hours.monday,
        &hours.tuesday,
        &hours.wednesday,
        &hours.thursday,
        &hours.friday,
        &hours.saturday,
        &hours.sunday,
    ]
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (day, (opening, closing)) in days(&self.0).into_iter().zip(DAYS) {
            let Some(day) = day else {
                continue;
            };
            for (field, time) in [(opening, &day.opens), (closing, &day.closes)] {
                if let Some(time) = time {
                    map.serialize_entry(key(field), time)?;
                }
            }
        }
        if let Some(reply) = &self.0.default_reply {
            map.serialize_entry("defecto", reply)?;
        }
        if let Some(email) = &self.0.email {
            map.serialize_entry("email", email)?;
        }
        map.end()
    }
}

/// A calendar as JSON in a text; empty when there is none.
pub fn text(hours: Option<BusinessHours>) -> Result<String, Failure> {
    let Some(hours) = hours else {
        return Ok(String::new());
    };
    serde_json::to_string(&Hours(hours)).map_err(|_| Failure::internal())
}

/// The calendar of a request, if one was sent; an empty one means always open.
pub fn read(exchange: &Exchange, check: &mut Check<'_>) -> Option<HoursChange> {
    exchange.input.get("hour")?;
    check.object("hour");
    let [
        monday,
        tuesday,
        wednesday,
        thursday,
        friday,
        saturday,
        sunday,
    ] = DAYS.map(|(opening, closing)| day(check, opening, closing));
    let default_reply = check.field("hour.defecto").text_if_sent(255);
    let email_sent = exchange.input.get("hour.email").is_some();
    let hours = BusinessHours {
        monday,
        tuesday,
        wednesday,
        thursday,
        friday,
        saturday,
        sunday,
        default_reply,
        email: email_sent.then(|| check.field("hour.email").email()),
    };
    Some(if hours == BusinessHours::default() {
        HoursChange::AlwaysOpen(true)
    } else {
        HoursChange::Hours(hours)
    })
}

fn day(check: &mut Check<'_>, opening: &'static str, closing: &'static str) -> Option<DayHours> {
    let opens = check.field(opening).time();
    let closes = check.field(closing).time();
    if let (Some(opens), Some(closes)) = (&opens, &closes)
        && closes <= opens
    {
        // Times of this form compare as texts.
        check.fail(
            closing,
            sentence::not_after_opening(Language::Spanish, closing),
        );
    }
    (opens.is_some() || closes.is_some()).then_some(DayHours { opens, closes })
}
