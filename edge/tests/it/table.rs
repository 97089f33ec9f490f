//! The table against the documents.

use std::collections::BTreeSet;

use edge::table::{Credentials, Envelope, Family, Operation, operations};
use serde_json::Value;

/// The documents, as the project keeps them.
pub fn documented() -> Vec<Value> {
    let text = include_str!("../../contract/contract.json");
    let mut contract: Value = serde_json::from_str(text).unwrap();
    match contract["operations"].take() {
        Value::Array(operations) => operations,
        other => panic!("{other}"),
    }
}

fn row(id: &str) -> &'static Operation {
    operations()
        .find(|operation| operation.id() == id)
        .unwrap_or_else(|| panic!("{id} is not in the table"))
}

#[test]
fn the_table_holds_exactly_the_documented_operations() {
    let documents = documented();
    assert_eq!(documents.len(), 83);
    let wanted: BTreeSet<String> = documents
        .iter()
        .map(|operation| operation["id"].as_str().unwrap().to_owned())
        .collect();
    let rows: Vec<String> = operations()
        .filter(|row| !row.addition)
        .map(Operation::id)
        .collect();
    assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(rows.len(), wanted.len(), "a row stands twice");
}

#[test]
fn credentials_follow_the_documented_headers() {
    for operation in documented() {
        let id = operation["id"].as_str().unwrap();
        let headers = operation["headers"].as_array().unwrap();
        let badge = operation["documented_as_requires_authentication"] == true;
        let who = row(id).credentials;
        match (badge, headers.len()) {
            (true, 3) => assert_eq!(who, Credentials::ClientAndUser, "{id}"),
            // Without headers the examples show the answer to nobody; one of the
            // paths is documented twice, once with headers.
            (true, 0) => assert_eq!(who, Credentials::Legacy, "{id}"),
            (true, 2) => assert_ne!(who, Credentials::Public, "{id}"),
            (false, _) => assert_eq!(who, Credentials::Public, "{id}"),
            other => panic!("{id}: {other:?}"),
        }
    }
}

#[test]
fn envelopes_have_the_keys_of_the_documented_successes() {
    for (id, body) in examples(|status| status < 300) {
        let keys: Vec<&str> = body.keys().map(String::as_str).collect();
        let word = body.get("status").and_then(Value::as_str).unwrap_or("");
        let shape = match (keys.as_slice(), word) {
            (["data", "status", "message", "code", "id_bitacora_log"], "ok") => Envelope::Ok,
            (["data", "status", "message", "code", "id_bitacora_log"], "success") => {
                Envelope::Success
            }
            (["status", "message", .., "code", "id_bitacora_log"], "ok") => Envelope::Telegram,
            (["status", ..], "success") => Envelope::Broadcast,
            _ => Envelope::Bare,
        };
        assert_eq!(row(&id).envelope, shape, "{id}: {keys:?}");
    }
}

#[test]
fn families_have_the_documented_sentences() {
    for (id, body) in examples(|status| status == 422) {
        let family = match body["message"].as_str().unwrap() {
            "Validacion fallida." => Family::Failed,
            "Errores de validacion." => Family::Errors,
            "Parametros invalidos." => Family::Parameters,
            // One refusal of one route; it says so itself.
            "Validacion de negocio." => continue,
            _ => Family::Native,
        };
        assert_eq!(row(&id).family, family, "{id}");
    }
}

/// The documented JSON answers with a status.
fn examples(wanted: fn(u64) -> bool) -> Vec<(String, serde_json::Map<String, Value>)> {
    let mut found = Vec::new();
    for operation in documented() {
        for response in operation["responses"].as_array().unwrap() {
            if let (true, Some(body)) = (
                wanted(response["status"].as_u64().unwrap()),
                response["body"].as_object(),
            ) {
                found.push((operation["id"].as_str().unwrap().to_owned(), body.clone()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}
