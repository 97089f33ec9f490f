//! Amounts of money, days, ids in lists: what only the administration is sent.

use serde_json::{Number, Value};

use super::{Field, sentence, whole};

/// The digits before and after the point that an amount may have.
const WHOLE_DIGITS: usize = 14;
const FRACTION_DIGITS: usize = 4;

/// Below it a number of JSON with four decimals is exactly what was written.
const EXACT_BELOW: f64 = 1e11;

/// The most ids of a list.
const MOST_IDS: usize = 100;

impl Field<'_, '_> {
    /// Text of `min` to `max` characters; an absent one is empty.
    pub fn text_between(mut self, min: usize, max: usize) -> String {
        if let Some(Value::String(text)) = self.value
            && text.chars().count() < min
        {
            self.wrong(sentence::too_short(self.check.language, self.name, min));
            return String::new();
        }
        self.text(max)
    }

    /// An amount of money or a quantity as the text of a decimal number, empty
    /// when it is absent. Numbers too large for JSON to carry exactly have to be
    /// sent as text.
    pub fn amount(mut self) -> String {
        let Some(value) = self.value else {
            return String::new();
        };
        let amount = written(value).filter(|text| is_amount(text));
        if amount.is_none() {
            self.wrong(sentence::not_amount(self.check.language, self.name));
        }
        amount.unwrap_or_default()
    }

    /// The same when the field was sent at all.
    pub fn amount_if_sent(self) -> Option<String> {
        let sent = self.value.is_some();
        let amount = self.amount();
        sent.then_some(amount)
    }

    /// An amount that is not negative.
    pub fn price(mut self) -> String {
        let negative =
            |text: &str| text.starts_with('-') && text.contains(|c| ('1'..='9').contains(&c));
        if self
            .value
            .and_then(written)
            .is_some_and(|text| negative(&text))
        {
            self.wrong(sentence::negative(self.check.language, self.name));
        }
        self.amount()
    }

    /// A day as `YYYY-MM-DD`; the service knows which days there are.
    pub fn day(mut self) -> String {
        match self.value {
            Some(Value::String(text)) if is_day(text) => text.clone(),
            Some(_) => {
                self.wrong(sentence::not_day(self.check.language, self.name));
                String::new()
            }
            None => String::new(),
        }
    }

    /// A time `HH:MM`, if it was sent.
    pub fn time(mut self) -> Option<String> {
        match self.value? {
            Value::String(text) if is_time(text) => Some(text.clone()),
            _ => {
                self.wrong(sentence::not_time(self.check.language, self.name));
                None
            }
        }
    }

    /// A list of ids, as numbers or as digits; 0 may be among them. An absent list
    /// is empty, and so is nothing else.
    pub fn ids(mut self) -> Vec<i64> {
        let Some(value) = self.value else {
            return Vec::new();
        };
        let ids: Option<Vec<i64>> = value
            .as_array()
            .filter(|list| (1..=MOST_IDS).contains(&list.len()))
            .and_then(|list| {
                list.iter()
                    .map(|id| whole(id).filter(|id| *id >= 0))
                    .collect()
            });
        if ids.is_none() {
            self.wrong(sentence::not_ids(self.check.language, self.name));
        }
        ids.unwrap_or_default()
    }
}

/// A number as it was written, as far as that can be known.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => exact(number),
        _ => None,
    }
}

fn exact(number: &Number) -> Option<String> {
    if !number.is_f64() {
        return Some(number.to_string());
    }
    let float = number.as_f64().filter(|float| float.abs() < EXACT_BELOW)?;
    // Unlike JSON's, this writing never has an exponent.
    Some(format!("{float}"))
}

fn is_amount(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    plain(whole)
        && plain(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && whole.trim_start_matches('0').len() <= WHOLE_DIGITS
        && fraction.trim_end_matches('0').len() <= FRACTION_DIGITS
}

fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

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
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_taken_as_they_were_written() {
        for (value, text) in [
            (json!(0.05), "0.05"),
            (json!("0.05"), "0.05"),
            (json!(150.75), "150.75"),
            (json!(99_999.5), "99999.5"),
            (json!(-7), "-7"),
            (json!(1000), "1000"),
        ] {
            let written = written(&value).unwrap();
            assert!(is_amount(&written));
            assert_eq!(written, text);
        }
    }

    #[test]
    fn the_largest_number_of_json_with_four_decimals_is_exact() {
        let value: Value = serde_json::from_str("99999999999.9999").unwrap();
        assert_eq!(written(&value).as_deref(), Some("99999999999.9999"));
    }

    #[test]
    fn what_would_not_be_exact_is_no_amount() {
        for value in [
            json!(1e12),
            json!(1e300),
            json!(123_456_789_012.5),
            json!("1e3"),
            json!("1,5"),
            json!("123456789012345"),
            json!("0.00001"),
            json!(0.000_01),
            json!(true),
            json!([]),
            json!("."),
            json!("--1"),
        ] {
            assert!(
                !written(&value).is_some_and(|text| is_amount(&text)),
                "{value}"
            );
        }
    }

    #[test]
    fn days_and_times_have_one_form() {
        assert!(is_day("2024-12-15") && is_time("23:59"));
        for text in ["2024-1-15", "2024-12-15 00:00:00", "20241215xx", "٢٠٢٤-"] {
            assert!(!is_day(text), "{text}");
        }
        for text in ["24:00", ":03:45", "9:00", "09:60", ":12|22):00"] {
            assert!(!is_time(text), "{text}");
        }
    }
}
