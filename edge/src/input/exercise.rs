//! Reads a made-up request and applies every rule to its fields, for the fuzzer in
//! `edge/fuzz` and the tests here. It panics where a rule lets through what it
//! promises to keep out, or gives a value to a field it found wrong.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods alone are not general enough in their lifetimes"
)]

use std::fmt::Debug;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::Value;

use super::{Check, FieldErrors, Input, LARGEST_EXACT, Language, Paging, Source, check, read};
use crate::errors::Failure;

/// The fields that the rules are applied to; whatever else is sent is passed over.
const NAMES: [&str; 4] = ["a", "filters.a", "list", "password"];

/// The longest text that is let through.
const LONGEST: usize = 20;

/// One request: its content type in the first line, its query in the second, and
/// after them its body.
///
/// # Panics
/// When a rule does not keep its promise.
pub fn exercise(request: &[u8]) {
    let mut parts = request.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (kind, query, body) = (part(), part(), part());
    let mut headers = HeaderMap::new();
    if let Ok(kind) = kind.try_into() {
        headers.insert(CONTENT_TYPE, kind);
    }
    let source = Source {
        headers: &headers,
        query: &String::from_utf8_lossy(query),
        path: &[],
        body: Bytes::copy_from_slice(body),
    };
    let Some(outcome) = read(source).now_or_never() else {
        panic!("a body that is all there was waited for");
    };
    match outcome {
        Ok(input) => judge(&input),
        Err(Failure::Fields(errors)) => assert_eq!(names(&errors), ["body"]),
        Err(Failure::Route(status)) => assert_eq!(status, 415),
        Err(other) => panic!("a body is refused in another way: {other:?}"),
    }
}

fn judge(input: &Input) {
    if let Some(id) = input.sent_id() {
        assert!((1..=LARGEST_EXACT).contains(&id));
    }
    for language in [Language::Spanish, Language::English] {
        let on = |name| On {
            input,
            language,
            name,
        };
        for name in NAMES {
            texts(&on(name));
            numbers(&on(name));
            amounts(&on(name));
        }
        paging(input, language);
    }
}

/// A field of an input.
struct On<'a> {
    input: &'a Input,
    language: Language,
    name: &'static str,
}

impl On<'_> {
    /// Applies a rule. What it finds right keeps `promise`; what it finds wrong is
    /// told of this field alone and gives the empty value.
    fn rule<T: Default + PartialEq + Debug>(
        &self,
        rule: impl Fn(check::Field<'_, '_>) -> T,
        promise: impl Fn(&T) -> bool,
    ) {
        let mut check = self.input.check(self.language);
        let value = rule(check.field(self.name));
        match check.done() {
            Ok(()) => assert!(promise(&value), "{}: {value:?}", self.name),
            Err(Failure::Fields(errors)) => {
                assert_eq!(names(&errors), [self.name]);
                assert!(!errors.first().is_empty());
                assert_eq!(value, T::default(), "{}", self.name);
            }
            Err(other) => panic!("{}: {other:?}", self.name),
        }
    }

    fn is_sent(&self) -> bool {
        self.input.get(self.name).is_some()
    }
}

fn texts(on: &On<'_>) {
    let fits = |text: &String| {
        let trimmed = on.name == "password" || text.trim() == text;
        trimmed && text.chars().count() <= LONGEST && !text.contains('\0')
    };
    on.rule(|field| field.text(LONGEST), fits);
    on.rule(
        |field| field.required().text(LONGEST),
        |text| fits(text) && !text.is_empty(),
    );
    on.rule(
        |field| field.text_if_sent(LONGEST).unwrap_or_default(),
        |text| fits(text) && text.is_empty() != on.is_sent(),
    );
    on.rule(
        |field| field.text_between(3, LONGEST),
        |text| fits(text) && (text.is_empty() || text.chars().count() >= 3),
    );
    on.rule(|field| field.digits_or_text(LONGEST), fits);
    on.rule(
        |field| field.email(),
        |text| {
            text.is_empty() || text.matches('@').count() == 1 && !text.contains(char::is_whitespace)
        },
    );
    on.rule(
        |field| field.one_of(&[("S", 1), ("N", 2)]),
        |found| found.is_some() == on.is_sent(),
    );
}

fn numbers(on: &On<'_>) {
    on.rule(
        |field| field.integer(-3..=7),
        |number| (-3..=7).contains(number),
    );
    on.rule(|field| field.id(), |id| (*id > 0) == on.is_sent());
    on.rule(
        |field| field.switch(),
        |switch| switch.is_some() == on.is_sent(),
    );
    on.rule(
        |field| field.ids(),
        |ids| ids.is_empty() != on.is_sent() && ids.iter().all(|id| *id >= 0),
    );
}

fn amounts(on: &On<'_>) {
    let decimal = |text: &String| {
        let number = text.strip_prefix(['-', '+']).unwrap_or(text);
        number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
            && text.parse::<f64>().is_ok() == on.is_sent()
    };
    on.rule(|field| field.amount(), decimal);
    on.rule(|field| field.amount_if_sent().unwrap_or_default(), decimal);
    on.rule(
        |field| field.price(),
        |text| decimal(text) && !text.parse::<f64>().is_ok_and(|price| price < 0.0),
    );
    on.rule(|field| field.day(), |day| day.is_empty() || day.len() == 10);
    on.rule(|field| field.time(), |time| time.is_some() == on.is_sent());
}

fn paging(input: &Input, language: Language) {
    let mut check: Check<'_> = input.check(language);
    let page = check.paging(Paging::Required);
    check.object("filters");
    if check.done().is_ok() {
        assert!(page.page > 0 && (1..=100).contains(&page.per_page));
        assert!(
            input
                .get("filters")
                .is_none_or(|filters| !filters.is_string())
        );
    }
}

/// The fields that something was said of.
fn names(errors: &FieldErrors) -> Vec<String> {
    match serde_json::to_value(errors) {
        Ok(Value::Object(errors)) => errors.keys().cloned().collect(),
        other => panic!("errors are no object: {other:?}"),
    }
}
