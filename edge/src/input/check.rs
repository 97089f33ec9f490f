//! Judges fields one by one and keeps every error, in order.

mod amounts;

use std::ops::RangeInclusive;

use proto::common::v1::PageRequest;
use serde_json::Value;

use super::{FieldErrors, Input, Language, sentence};
use crate::errors::Failure;

/// The longest text of a field that says nothing else.
pub const LINE: usize = 191;

/// The rows of a page when nobody says how many.
const ROWS: u32 = 10;

/// Whether `paginate` must be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// It means "S" when it is absent.
    Optional,
    /// It must be there.
    Required,
}

/// A judgement in progress.
pub struct Check<'a> {
    input: &'a Input,
    language: Language,
    errors: FieldErrors,
}

impl<'a> Check<'a> {
    pub(super) fn new(input: &'a Input, language: Language) -> Self {
        Self {
            input,
            language,
            errors: FieldErrors::default(),
        }
    }

    /// Takes up a field.
    pub fn field(&mut self, name: &'static str) -> Field<'_, 'a> {
        let value = self.input.get(name);
        Field {
            check: self,
            name,
            value,
            saying: None,
        }
    }

    /// Finds a field wrong for a reason of the route's own.
    pub fn fail(&mut self, field: &str, sentence: impl Into<String>) {
        self.errors.push(field, sentence.into());
    }

    /// The end: everything was right, or all that was wrong.
    pub fn done(self) -> Result<(), Failure> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Failure::Fields(self.errors))
        }
    }

    /// The paging fields: `paginate`, `page`, `quantity_x_page`.
    pub fn paging(&mut self, paging: Paging) -> PageRequest {
        const FLAG: &str = "El campo paginate debe ser \"S\" o \"N\".";
        let mut flag = self.field("paginate").saying(FLAG);
        if paging == Paging::Required {
            flag = flag.required();
        }
        let unpaged = flag.one_of(&[("S", false), ("N", true)]).unwrap_or(false);
        let page = self.field("page").integer(1..=i64::from(u32::MAX));
        let rows = self.field("quantity_x_page").integer(1..=100);
        PageRequest {
            page: u32::try_from(page).unwrap_or(1).max(1),
            per_page: u32::try_from(rows)
                .ok()
                .filter(|rows| *rows > 0)
                .unwrap_or(ROWS),
            unpaged,
        }
    }

    /// An object whose fields are then named `filters.name`.
    pub fn object(&mut self, name: &'static str) {
        let value = self.input.get(name);
        // An empty list is how the framework's own clients send an empty object.
        let empty = value.and_then(Value::as_array).is_some_and(Vec::is_empty);
        if value.is_some_and(|value| !value.is_object()) && !empty {
            self.fail(name, sentence::not_object(self.language, name));
        }
    }
}

/// One field. Every chain ends with the type that is wanted; an absent or wrong
/// field gives the empty value, and [`Check::done`] tells which it was.
pub struct Field<'c, 'a> {
    check: &'c mut Check<'a>,
    name: &'static str,
    value: Option<&'a Value>,
    saying: Option<&'static str>,
}

impl Field<'_, '_> {
    /// Says this sentence, whatever is wrong.
    pub fn saying(mut self, sentence: &'static str) -> Self {
        self.saying = Some(sentence);
        self
    }

    /// The field must be there.
    pub fn required(mut self) -> Self {
        if self.value.is_none() {
            self.wrong(sentence::required(self.check.language, self.name));
        }
        self
    }

    /// The field must be there; says this sentence when it is not.
    pub fn required_saying(self, sentence: &'static str) -> Self {
        if self.value.is_none() {
            self.check.fail(self.name, sentence);
        }
        self
    }

    /// Text of at most `max` characters.
    pub fn text(mut self, max: usize) -> String {
        let language = self.check.language;
        match self.value {
            None => return String::new(),
            Some(Value::String(text)) if text.chars().nth(max).is_some() => {
                self.wrong(sentence::too_long(language, self.name, max));
            }
            // No database keeps this character in text.
            Some(Value::String(text)) if text.contains('\0') => {
                self.wrong(sentence::invalid(language, self.name));
            }
            Some(Value::String(text)) => return text.clone(),
            Some(_) => self.wrong(sentence::not_text(language, self.name)),
        }
        String::new()
    }

    /// The same when the field was sent at all.
    pub fn text_if_sent(self, max: usize) -> Option<String> {
        let sent = self.value.is_some();
        let text = self.text(max);
        sent.then_some(text)
    }

    /// Text that callers also write as a number, such as a telephone.
    pub fn digits_or_text(self, max: usize) -> String {
        match self.value {
            Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
            _ => self.text(max),
        }
    }

    /// A mail address; only its form is judged.
    pub fn email(mut self) -> String {
        match self.value {
            Some(Value::String(text)) if !is_email(text) => {
                self.wrong(sentence::not_email(self.check.language, self.name));
                String::new()
            }
            _ => self.text(LINE),
        }
    }

    /// A whole number within bounds, as a number or as digits; 0 when absent.
    pub fn integer(mut self, bounds: RangeInclusive<i64>) -> i64 {
        let (name, language) = (self.name, self.check.language);
        let Some(value) = self.value else {
            return 0;
        };
        match whole(value) {
            Some(number) if bounds.contains(&number) => return number,
            Some(_) if *bounds.end() < i64::MAX => {
                let (min, max) = bounds.into_inner();
                self.wrong(sentence::not_between(language, name, min, max));
            }
            Some(_) => self.wrong(sentence::invalid(language, name)),
            None => self.wrong(sentence::not_integer(language, name)),
        }
        0
    }

    /// The id of a row.
    pub fn id(self) -> i64 {
        self.integer(1..=i64::MAX)
    }

    /// A switch: true, 1 and "1" or false, 0 and "0".
    pub fn switch(mut self) -> Option<bool> {
        let on = match self.value? {
            Value::Bool(on) => Some(*on),
            value => match whole(value) {
                Some(1) => Some(true),
                Some(0) => Some(false),
                _ => None,
            },
        };
        if on.is_none() {
            self.wrong(sentence::invalid(self.check.language, self.name));
        }
        on
    }

    /// One of a closed set of words.
    pub fn one_of<T: Copy>(mut self, words: &[(&str, T)]) -> Option<T> {
        let text = self.value?.as_str();
        let found = words.iter().find(|(word, _)| Some(*word) == text);
        if found.is_none() {
            self.wrong(sentence::invalid(self.check.language, self.name));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Notes what is wrong; nothing else is said about the field after that.
    fn wrong(&mut self, sentence: String) {
        let said = self.saying.map_or(sentence, str::to_owned);
        self.check.fail(self.name, said);
        self.value = None;
    }
}

/// A number without fraction, or digits with an optional sign.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| plain)
        }
        _ => None,
    }
}

fn is_email(text: &str) -> bool {
    let plain = !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    text.rsplit_once('@').is_some_and(|(user, domain)| {
        plain && !user.is_empty() && !user.contains('@') && !domain.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::input::{Source, exercise::exercise, read};

    fn input(body: &Value) -> Input {
        let body = serde_json::to_vec(body).unwrap();
        fields(&HeaderMap::new(), "", body).unwrap()
    }

    fn fields(headers: &HeaderMap, query: &str, body: Vec<u8>) -> Result<Input, Failure> {
        let source = Source {
            headers,
            query,
            path: &[],
            body: body.into(),
        };
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(read(source))
    }

    fn errors(check: Check<'_>) -> Value {
        match check.done() {
            Ok(()) => Value::Null,
            Err(Failure::Fields(errors)) => serde_json::to_value(errors).unwrap(),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_error_is_told_in_order() {
        let input = input(&json!({"b": 5, "page": "x", "paginate": "\"S\""}));
        let mut check = input.check(Language::Spanish);
        check.field("a").required().text(5);
        check.field("b").required().text(5);
        check.paging(Paging::Optional);
        assert_eq!(
            errors(check).to_string(),
            json!({
                "a": ["El campo a es obligatorio."],
                "b": ["El campo b debe ser una cadena de texto."],
                "paginate": ["El campo paginate debe ser \"S\" o \"N\"."],
                "page": ["El campo page debe ser un numero entero."],
            })
            .to_string()
        );
    }

    #[test]
    fn scalars_are_lenient_and_text_is_trimmed() {
        let input = input(&json!({
            "n": "3", "s": "1", "t": "  Ana \u{200b}", "e": "   ", "p": 50_688_888_888_i64,
            "password": " x ",
        }));
        let mut check = input.check(Language::Spanish);
        assert_eq!(check.field("n").id(), 3);
        assert_eq!(check.field("s").switch(), Some(true));
        assert_eq!(check.field("t").text(3), "Ana");
        assert_eq!(check.field("p").digits_or_text(20), "50688888888");
        assert_eq!(check.field("password").text(9), " x ");
        assert_eq!(input.get("e"), None);
        assert_eq!(errors(check), Value::Null);
    }

    #[test]
    fn text_that_no_database_keeps_is_refused() {
        let input = input(&json!({"name": "a\u{0}b"}));
        let mut check = input.check(Language::Spanish);
        check.field("name").text(9);
        assert_eq!(
            errors(check),
            json!({"name": ["El campo name no es valido."]})
        );
    }

    #[test]
    fn the_body_wins_over_the_query() {
        let input = fields(
            &HeaderMap::new(),
            "id=1&filters[name]=q",
            br#"{"id": 2}"#.to_vec(),
        )
        .unwrap();
        let mut check = input.check(Language::Spanish);
        assert_eq!(check.field("id").id(), 2);
        assert_eq!(check.field("filters.name").text(9), "q");
    }

    #[test]
    fn deep_bodies_are_refused() {
        let body = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        assert!(fields(&HeaderMap::new(), "", body.into_bytes()).is_err());
        let body = format!("{{\"a\":{}", "[".repeat(60_000));
        assert!(fields(&HeaderMap::new(), "", body.into_bytes()).is_err());
    }

    #[test]
    fn what_the_fuzzer_starts_from_is_read() {
        for seed in std::fs::read_dir("fuzz/seeds").unwrap() {
            exercise(&std::fs::read(seed.unwrap().path()).unwrap());
        }
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            query in ".{0,80}",
            kind in prop_oneof![
                Just("application/json"),
                Just("application/x-www-form-urlencoded"),
                Just("multipart/form-data; boundary=x"),
                Just("multipart/form-data"),
                Just("text/xml"),
            ],
        ) {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", kind.parse().unwrap());
            if let Ok(input) = fields(&headers, &query, body) {
                let mut check = input.check(Language::Spanish);
                check.paging(Paging::Required);
                check.object("filters");
                let _ = check.done();
            }
        }

        #[test]
        fn every_rule_keeps_its_promise(
            kind in prop_oneof![
                Just("application/json"),
                Just("application/x-www-form-urlencoded"),
            ],
            value in prop_oneof![
                any::<i64>().prop_map(|number| json!(number)),
                any::<f64>().prop_map(|number| json!(number)),
                "[-+0-9.:@SN \"]{0,24}".prop_map(|text| json!(text)),
                "\\PC{0,24}".prop_map(|text| json!(text)),
                proptest::collection::vec(any::<i64>(), 0..4).prop_map(|list| json!(list)),
                any::<bool>().prop_map(|switch| json!(switch)),
            ],
        ) {
            let fields = json!({"a": value, "filters": {"a": value}, "list": [value]});
            let body = match kind {
                "application/json" => fields.to_string(),
                _ => format!("a={value}&filters[a]={value}&list[]={value}"),
            };
            exercise(format!("{kind}\n\n{body}").as_bytes());
        }

        #[test]
        fn integers_survive_every_writing(number in any::<i64>()) {
            for value in [json!(number), json!(number.to_string()), json!(format!(" {number} "))] {
                let input = input(&json!({"n": value}));
                let mut check = input.check(Language::Spanish);
                prop_assert_eq!(check.field("n").integer(i64::MIN..=i64::MAX), number);
                prop_assert!(check.done().is_ok());
            }
        }

        #[test]
        fn text_comes_out_trimmed(text in "\\PC{0,40}") {
            let input = input(&json!({"t": text}));
            let mut check = input.check(Language::Spanish);
            let read = check.field("t").text(40);
            prop_assert_eq!(read.trim(), read.as_str());
            prop_assert!(text.contains(&read));
        }
    }
}
