//! What the documents say about each row of the table, and what we say about the
//! rows that are ours.

use std::collections::BTreeMap;

use edge::table::{Operation, operations};
use serde::Deserialize;
use serde_json::Value;

const DOCUMENTS: &str = include_str!("../../../contract/contract.json");
const ADDITIONS: &str = include_str!("../../../contract/additions.json");

/// A parameter of an operation.
#[derive(Clone, Debug, Deserialize)]
pub struct Parameter {
    /// The name; `a.b` is field `b` of object `a`, `a[].b` that of its elements.
    pub name: String,
    /// The documented kind, such as `integer` or `string[]`.
    pub r#type: String,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub example: Option<Value>,
    /// The only values, where they are told.
    #[serde(default)]
    pub values: Vec<Value>,
}

/// A documented answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// What is written about an operation.
#[derive(Clone, Debug, Deserialize)]
pub struct Written {
    pub id: String,
    pub group: String,
    /// Missing where the documents print none.
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default)]
    pub url_params: Vec<Parameter>,
    #[serde(default)]
    pub query_params: Vec<Parameter>,
    #[serde(default)]
    pub body_params: Vec<Parameter>,
    #[serde(default)]
    pub request_example: Value,
    #[serde(default)]
    pub responses: Vec<Answer>,
}

#[derive(Deserialize)]
struct File {
    /// What the operations of a group are about.
    #[serde(default)]
    groups: BTreeMap<String, String>,
    operations: Vec<Written>,
    /// Answers of operations beyond those that are written beside them.
    #[serde(default)]
    more: Vec<More>,
}

#[derive(Deserialize)]
struct More {
    id: String,
    responses: Vec<Answer>,
}

/// All rows of the table with what is written about each.
pub struct Contract {
    pub operations: Vec<(&'static Operation, Written)>,
    /// By the name of a group, what its operations are about.
    pub groups: BTreeMap<String, String>,
}

impl Contract {
    /// Reads the files that are part of this program. They are checked in, so a
    /// mistake in them is one of this program.
    pub fn read() -> Self {
        let mut written: BTreeMap<String, Written> = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for file in [DOCUMENTS, ADDITIONS] {
            let file = read(file);
            groups.extend(file.groups);
            for description in file.operations {
                match written.get_mut(&description.id) {
                    // Both documents name one path; its answers are of both.
                    Some(first) => merge(first, description),
                    None => {
                        written.insert(description.id.clone(), description);
                    }
                }
            }
            for more in file.more {
                match written.get_mut(&more.id) {
                    Some(written) => written.responses.extend(more.responses),
                    None => missing(&more.id),
                }
            }
        }
        let operations = operations().map(|operation| {
            let id = operation.id();
            let description = written.remove(&id);
            (operation, description.unwrap_or_else(|| missing(&id)))
        });
        Self {
            operations: operations.collect(),
            groups,
        }
    }
}

fn read(file: &str) -> File {
    match serde_json::from_str::<File>(file) {
        Ok(file) => file,
        Err(error) => panic!("the contract cannot be read: {error}"),
    }
}

fn merge(first: &mut Written, second: Written) {
    let mut responses = second.responses;
    responses.append(&mut first.responses);
    *first = Written {
        responses,
        ..second
    };
}

fn missing(id: &str) -> ! {
    panic!("{id} is described neither in contract.json nor in additions.json")
}
