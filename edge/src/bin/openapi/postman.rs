//! The Postman collection (format 2.1): a folder for each group, the documented
//! request in each operation, credentials in variables.

use std::collections::BTreeMap;

use edge::table::{Credentials, Operation};
use serde_json::{Value, json};

use crate::{
    contract::{Contract, Written},
    document::paths_of,
};

/// The whole collection.
pub fn of(contract: &Contract) -> Value {
    let mut folders: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (operation, description) in &contract.operations {
        let requests = folders.entry(&description.group).or_default();
        requests.push(request(operation, description));
    }
    let folders = folders
        .into_iter()
        .map(|(name, requests)| json!({"name": name, "item": requests}));
    let variable = |key: &str, value: &str| json!({"key": key, "value": value});
    json!({
        "info": {
            "name": "Atencion",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "item": folders.collect::<Vec<_>>(),
        "variable": [
            variable("url", "http://127.0.0.1:8080"),
            variable("consumo", "UsuarioPrueba"),
            variable("secret", "strDasdakdmsadsakming"),
            variable("token", ""),
        ],
    })
}

fn request(operation: &Operation, description: &Written) -> Value {
    let path = paths_of(operation).pop().unwrap_or_default();
    let mut raw = format!("{{{{url}}}}{path}");
    for parameter in &description.url_params {
        let example = parameter.example.as_ref().and_then(Value::as_str);
        raw = raw.replace(&format!("{{{}}}", parameter.name), example.unwrap_or("1"));
    }
    let mut request = json!({
        "method": operation.verb.name(),
        "header": headers(operation.credentials),
        "url": raw,
    });
    if description.request_example.is_object() {
        request["body"] = json!({
            "mode": "raw",
            "raw": format!("{:#}", description.request_example),
            "options": {"raw": {"language": "json"}},
        });
    }
    let name = description.title.as_deref().unwrap_or(operation.path);
    json!({"name": name, "request": request})
}

fn headers(credentials: Credentials) -> Vec<Value> {
    let header = |key: &str, value: &str| json!({"key": key, "value": value});
    let client = [
        header("X-User-Consumo", "{{consumo}}"),
        header("X-User-Secret", "{{secret}}"),
    ];
    let user = header("Authorization", "Bearer {{token}}");
    match credentials {
        Credentials::Public => Vec::new(),
        Credentials::Client | Credentials::SignIn | Credentials::Legacy => client.to_vec(),
        Credentials::ClientAndUser => client.into_iter().chain([user]).collect(),
        Credentials::Bearer => vec![user],
    }
}
