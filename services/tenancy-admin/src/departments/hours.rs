//! The weekly calendar of a department, in the documented shape
//! `{"lunes_apertura":"08:00","lunes_cierre":"17:00",…,"defecto":"…","email":"…"}`.

use serde_json::{Map, Value};

use crate::{
    error::Error,
    input::{Faults, is_email},
};

/// The longest reply outside the hours, in characters.
const LONGEST_REPLY: usize = 255;

/// The names of opening and closing times, Monday first: of the field in a
/// request, and of the key in the calendar.
const DAYS: [[&str; 2]; 7] = [
    ["hour.lunes_apertura", "hour.lunes_cierre"],
    ["hour.martes_apertura", "hour.martes_cierre"],
    ["hour.miercoles_apertura", "hour.miercoles_cierre"],
    ["hour.jueves_apertura", "hour.jueves_cierre"],
    ["hour.viernes_apertura", "hour.viernes_cierre"],
    ["hour.sabado_apertura", "hour.sabado_cierre"],
    ["hour.domingo_apertura", "hour.domingo_cierre"],
];

const REPLY: &str = "hour.defecto";
const EMAIL: &str = "hour.email";

/// When a department is open on a day; closed unless both are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// `HH:MM`.
    pub opens: Option<String>,
    /// `HH:MM`, later than `opens`.
    pub closes: Option<String>,
}

/// The calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    /// Monday first.
    pub days: [Day; 7],
    /// What guests are told while it is closed.
    pub reply: Option<String>,
    pub email: Option<String>,
}

/// The key that a field has in the calendar.
fn key(field: &str) -> &str {
    field.strip_prefix("hour.").unwrap_or(field)
}

impl Hours {
    /// Judges times, reply and address.
    pub fn check(&self, faults: &mut Faults) {
        for (day, [opening, closing]) in self.days.iter().zip(DAYS) {
            let mut sound = true;
            for (field, time) in [(opening, &day.opens), (closing, &day.closes)] {
                if time.as_deref().is_some_and(|time| !is_time(time)) {
                    faults.add(field, "TIME", "must be a time, HH:MM from 00:00 to 23:59");
                    sound = false;
                }
            }
            // Sound times compare as texts.
            if let (true, Some(opens), Some(closes)) = (sound, &day.opens, &day.closes)
                && closes <= opens
            {
                faults.add(
                    closing,
                    "NOT_AFTER_OPENING",
                    "must be later than the opening",
                );
            }
        }
        if let Some(reply) = &self.reply {
            faults.text(REPLY, reply, 0, LONGEST_REPLY);
        }
        if self.email.as_deref().is_some_and(|email| !is_email(email)) {
            faults.add(EMAIL, "FORMAT", "must be a mail address");
        }
    }

    /// The documented JSON, keys in the order of the week.
    pub fn to_json(&self) -> String {
        let times = self
            .days
            .iter()
            .zip(DAYS)
            .flat_map(|(day, [opening, closing])| [(opening, &day.opens), (closing, &day.closes)]);
        let object: Map<String, Value> = times
            .chain([(REPLY, &self.reply), (EMAIL, &self.email)])
            .filter_map(|(field, value)| {
                let value = value.as_ref()?;
                Some((key(field).to_owned(), Value::String(value.clone())))
            })
            .collect();
        Value::Object(object).to_string()
    }

    /// Reads what [`Self::to_json`] wrote; nothing and the empty text mean that
    /// there is no calendar.
    pub fn from_stored(json: Option<&str>) -> Result<Option<Self>, Error> {
        let Some(json) = json.filter(|json| !json.is_empty()) else {
            return Ok(None);
        };
        let object: Map<String, Value> = serde_json::from_str(json).map_err(Error::Calendar)?;
        let text = |field| object.get(key(field))?.as_str().map(str::to_owned);
        Ok(Some(Self {
            days: DAYS.map(|[opening, closing]| Day {
                opens: text(opening),
                closes: text(closing),
            }),
            reply: text(REPLY),
            email: text(EMAIL),
        }))
    }
}

/// `HH:MM` from 00:00 to 23:59.
fn is_time(text: &str) -> bool {
    match text.as_bytes() {
        [h1, h2, b':', m1, m2] => {
            let digits = [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit());
            digits && [*h1, *h2] <= *b"23" && *m1 <= b'5'
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_clock() {
        for time in ["00:00", "09:05", "19:59", "23:59"] {
            assert!(is_time(time), "{time}");
        }
        for time in [
            "24:00",
            "9:00",
            "09:60",
            ":14|21):24",
            "0900",
            "09:5a",
            "29:00",
            "٠٩:٠٠",
        ] {
            assert!(!is_time(time), "{time}");
        }
    }

    #[test]
    fn a_calendar_survives_being_stored() {
        let json = r#"{"lunes_apertura":"08:00","lunes_cierre":"17:00","domingo_cierre":"12:00","defecto":"Fuera \"de\" horario","email":"a@b"}"#;
        let hours = Hours::from_stored(Some(json)).unwrap().unwrap();
        assert_eq!(hours.to_json(), json);
        assert_eq!(Hours::from_stored(None).unwrap(), None);
        assert!(Hours::from_stored(Some("[]")).is_err());
    }
}
