//! Names of form fields: `filters[name]` is a field inside another, `to[]` one
//! more of a list.

use serde_json::{Map, Value};

use super::DEEPEST;

/// How many pairs a form or a query may have.
pub const MOST_PAIRS: usize = 1000;

/// The pairs of an urlencoded text; none when it is no such text.
pub fn pairs(text: &[u8]) -> Option<Vec<(String, String)>> {
    serde_urlencoded::from_bytes(text)
        .ok()
        .filter(|pairs: &Vec<_>| pairs.len() <= MOST_PAIRS)
}

/// Puts a value where its name says. A name that nests too deep, or whose
/// brackets do not match, is taken as it is.
pub fn insert(fields: &mut Map<String, Value>, name: &str, value: String) {
    match split(name) {
        Some((first, inner)) => {
            let slot = fields.entry(first.to_owned()).or_insert(Value::Null);
            put(slot, &inner, value);
        }
        None => {
            fields.insert(name.to_owned(), Value::String(value));
        }
    }
}

/// `filters[name]` as `filters` and `["name"]`.
fn split(name: &str) -> Option<(&str, Vec<&str>)> {
    let (first, rest) = name.split_at(name.find('[')?);
    let keys = rest.strip_prefix('[')?.strip_suffix(']')?;
    let keys: Vec<&str> = keys.split("][").collect();
    let plain = keys.iter().all(|key| !key.contains(['[', ']']));
    (plain && !first.is_empty() && keys.len() < DEEPEST).then_some((first, keys))
}

fn put(slot: &mut Value, keys: &[&str], value: String) {
    let Some((key, rest)) = keys.split_first() else {
        *slot = Value::String(value);
        return;
    };
    if key.is_empty() {
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        if let Value::Array(list) = slot {
            let mut item = Value::Null;
            put(&mut item, rest, value);
            list.push(item);
        }
        return;
    }
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    if let Value::Object(object) = slot {
        put(
            object.entry((*key).to_owned()).or_insert(Value::Null),
            rest,
            value,
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        let mut fields = Map::new();
        for (name, value) in pairs(text.as_bytes()).unwrap() {
            insert(&mut fields, &name, value);
        }
        Value::Object(fields)
    }

    #[test]
    fn brackets_nest_and_list() {
        assert_eq!(
            read("a=1&filters[name]=Ana&to[]=0&to[]=7&x[y][z]=w"),
            json!({"a": "1", "filters": {"name": "Ana"}, "to": ["0", "7"], "x": {"y": {"z": "w"}}})
        );
    }

    #[test]
    fn broken_brackets_are_part_of_the_name() {
        assert_eq!(
            read("a[=1&[b]=2&c[d=3"),
            json!({"a[": "1", "[b]": "2", "c[d": "3"})
        );
    }
}
