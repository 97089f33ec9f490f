//! JSON Schemas of parameters and of answers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::contract::Parameter;

/// The schema of an object with these fields, nested as their names say.
pub fn of_fields(fields: &[Parameter]) -> Value {
    let mut root = json!({"type": "object", "properties": {}});
    for field in fields {
        place(&mut root, &field.name, field);
    }
    root
}

fn place(object: &mut Value, path: &str, field: &Parameter) {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let (name, elements) = match name.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let Some(rest) = rest else {
        object["properties"][name] = of_parameter(field);
        if !field.optional {
            require(object, name);
        }
        return;
    };
    let child = &mut object["properties"][name];
    if elements {
        if !child["items"]["properties"].is_object() {
            child["type"] = "array".into();
            child["items"] = json!({"type": "object", "properties": {}});
        }
        place(&mut child["items"], rest, field);
    } else {
        if !child["properties"].is_object() {
            child["type"] = "object".into();
            child["properties"] = json!({});
        }
        place(child, rest, field);
    }
}

fn require(object: &mut Value, name: &str) {
    if !object["required"].is_array() {
        object["required"] = json!([]);
    }
    if let Some(names) = object["required"].as_array_mut() {
        names.push(name.into());
    }
}

/// The schema of one field.
pub fn of_parameter(field: &Parameter) -> Value {
    let mut schema = match field.r#type.as_str() {
        "integer" => json!({"type": "integer"}),
        "numeric" => json!({"type": "number"}),
        "boolean" => json!({"type": "boolean"}),
        "object" => json!({"type": "object"}),
        "string[]" => json!({"type": "array", "items": {"type": "string"}}),
        "date" => json!({"type": "string", "format": "date"}),
        "email" => json!({"type": "string", "format": "email"}),
        "file" => json!({"type": "string", "contentMediaType": "application/octet-stream"}),
        "base64" => json!({"type": "string", "contentEncoding": "base64"}),
        _ => json!({"type": "string"}),
    };
    if !field.values.is_empty() {
        schema["enum"] = Value::Array(field.values.clone());
    }
    if let Some(text) = &field.description {
        schema["description"] = text.as_str().into();
    }
    schema
}

/// An example as its schema says: the documents write many numbers as text, which
/// the edge takes as well.
pub fn fitted(example: &Value, schema: &Value) -> Value {
    let kind = schema["type"].as_str().unwrap_or_default();
    match (example, kind) {
        (Value::Object(fields), "object") => fields
            .iter()
            .map(|(key, value)| (key.clone(), fitted(value, &schema["properties"][key])))
            .collect(),
        (Value::String(text), "integer" | "number" | "boolean") => {
            serde_json::from_str(text).unwrap_or_else(|_| example.clone())
        }
        _ => example.clone(),
    }
}

/// The schema of answers like these examples: keys, and kinds of values. A null
/// says nothing about the kind, so it allows every one.
pub fn of_examples(examples: &[&Value]) -> Value {
    let mut kinds: Vec<Value> = Vec::new();
    for example in examples {
        let schema = of_example("", example);
        if !kinds.contains(&schema) {
            kinds.push(schema);
        }
    }
    match kinds.len() {
        1 => kinds.remove(0),
        _ => json!({"anyOf": kinds}),
    }
}

fn of_example(key: &str, value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() || is_amount(key) => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(elements) if elements.is_empty() => json!({"type": "array"}),
        Value::Array(elements) => {
            let elements: Vec<&Value> = elements.iter().collect();
            json!({"type": "array", "items": of_examples(&elements)})
        }
        Value::Object(fields) => of_object(fields),
    }
}

fn of_object(fields: &Map<String, Value>) -> Value {
    // Objects whose keys are ids or optional fields have no fixed keys.
    let open = fields.keys().any(|key| key.parse::<u64>().is_ok());
    let mut schema = json!({"type": "object"});
    if fields.is_empty() || open {
        return schema;
    }
    let nullable: BTreeSet<&str> = ["from", "to"].into();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(key, value)| {
            let mut schema = of_example(key, value);
            if value.is_number() && nullable.contains(key.as_str()) {
                schema["type"] = json!(["integer", "null"]);
            }
            if key == "hour" && value.is_object() {
                schema = json!({"type": "object"});
            }
            (key.clone(), schema)
        })
        .collect();
    schema["properties"] = properties.into();
    schema["required"] = fields.keys().cloned().collect::<Vec<_>>().into();
    schema
}

/// Amounts of money are printed without a fraction where they have none.
fn is_amount(key: &str) -> bool {
    key == "balance"
        || key.starts_with("price_")
        || key.ends_with("_price")
        || ["total_DAU", "no_DAU", "total_dau", "no_dau"].contains(&key)
}
