//! Every documented example of every operation, replayed through HTTP against the
//! whole system: status, order of keys, types, null against `[]` and texts.
//!
//! The scripts say what has to be there before a request, and what has to change
//! in the documented request to get the n-th documented answer. An operation of
//! `contract.json` that no script names fails the test.

mod channels;
mod incidents;
mod people;
mod platform;

use std::{collections::BTreeSet, collections::HashMap, fs, path::Path};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::Api,
    world::{Mode, World},
};

/// How a request is made, and what of the documented answer the server chooses.
pub struct Step {
    /// The operation, such as `POST /api/auth/login`.
    id: &'static str,
    /// Which of its documented answers.
    nth: usize,
    /// Which of the documents, where both name the operation.
    last: bool,
    /// What to do to the database before.
    sql: Vec<&'static str>,
    /// Fields to set in the documented request, null to take one away.
    change: Value,
    /// The values of parameters of the path.
    path: Vec<(&'static str, String)>,
    who: Who,
    /// Pointers to values that the server chooses; only their types count.
    free: Vec<&'static str>,
    /// Pointers to values that are others here than in the documents.
    wanted: Vec<(&'static str, Value)>,
    headers: Vec<(&'static str, String)>,
    /// The whole body, where it is not the documented request.
    body: Option<Value>,
    /// The answer is a file, whatever the documents print.
    file: bool,
}

/// Whose credentials a request carries.
enum Who {
    Nobody,
    Client,
    User(&'static str),
}

/// The n-th documented answer of an operation, asked for by the API client.
pub fn step(id: &'static str, nth: usize) -> Step {
    Step {
        id,
        nth,
        last: false,
        sql: Vec::new(),
        change: json!({}),
        path: Vec::new(),
        who: Who::Client,
        free: Vec::new(),
        wanted: Vec::new(),
        headers: Vec::new(),
        body: None,
        file: false,
    }
}

impl Step {
    pub fn of_the_second_document(mut self) -> Self {
        self.last = true;
        self
    }

    pub fn after(mut self, sql: &'static str) -> Self {
        self.sql.push(sql);
        self
    }

    pub fn set(mut self, change: Value) -> Self {
        self.change = change;
        self
    }

    pub fn path(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.path.push((name, value.into()));
        self
    }

    /// As a user who logs in for this request.
    pub fn by(mut self, email: &'static str) -> Self {
        self.who = Who::User(email);
        self
    }

    pub fn by_nobody(mut self) -> Self {
        self.who = Who::Nobody;
        self
    }

    pub fn free(mut self, pointers: &[&'static str]) -> Self {
        self.free.extend(pointers);
        self
    }

    pub fn wanted(mut self, pointer: &'static str, value: Value) -> Self {
        self.wanted.push((pointer, value));
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn file(mut self) -> Self {
        self.file = true;
        self
    }

    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// Runs steps and keeps count of them.
pub struct Replay {
    pub world: World,
    documented: Vec<Value>,
    done: BTreeSet<(usize, usize)>,
    failures: Vec<String>,
    users: HashMap<&'static str, Api>,
}

impl Replay {
    async fn start(mode: Mode) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../edge/contract/contract.json");
        let contract: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        Self {
            world: World::start(mode).await,
            documented: contract["operations"].as_array().unwrap().clone(),
            done: BTreeSet::new(),
            failures: Vec::new(),
            users: HashMap::new(),
        }
    }

    /// Runs a step; answers what the server said.
    pub async fn run(&mut self, step: Step) -> Value {
        for sql in &step.sql {
            sqlx::query(*sql)
                .execute(&self.world.database)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let place = self.place(&step);
        let operation = self.documented[place].clone();
        let documented = &operation["responses"][step.nth];
        assert!(
            documented.is_object(),
            "{} has no answer {}",
            step.id,
            step.nth
        );
        let response = self.ask(&step, &operation).await;
        let status = response.status().as_u16();
        let binary = step.file || documented["body"] == "binary";
        let text = response
            .text_with_charset("utf-8")
            .await
            .unwrap_or_default();
        let got: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let name = format!("{}, answer {}", step.id, step.nth);
        if u64::from(status) != documented["status"].as_u64().unwrap() {
            self.failures.push(format!(
                "{name}: {status} instead of {}: {text}",
                documented["status"]
            ));
        } else if !binary {
            let (wanted, compared) = alike(&step, documented["body"].clone(), got.clone());
            if wanted != compared {
                self.failures
                    .push(format!("{name}:\n   wanted {wanted}\n   got    {compared}"));
            }
        }
        self.done.insert((place, step.nth));
        got
    }

    fn place(&self, step: &Step) -> usize {
        let mut places = self
            .documented
            .iter()
            .enumerate()
            .filter(|(_, operation)| operation["id"] == step.id)
            .map(|(place, _)| place);
        let place = if step.last {
            places.next_back()
        } else {
            places.next()
        };
        place.unwrap_or_else(|| panic!("{} is not documented", step.id))
    }

    async fn ask(&mut self, step: &Step, operation: &Value) -> reqwest::Response {
        let mut body = step
            .body
            .clone()
            .unwrap_or_else(|| operation["request_example"].clone());
        for (field, value) in step.change.as_object().unwrap() {
            if body.is_null() {
                body = json!({});
            }
            match value {
                Value::Null => body.as_object_mut().unwrap().remove(field),
                value => body
                    .as_object_mut()
                    .unwrap()
                    .insert(field.clone(), value.clone()),
            };
        }
        let mut path = operation["path"].as_str().unwrap().to_owned();
        for (name, value) in &step.path {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let path = path.trim_start_matches("/api/").to_owned();
        let method: Method = operation["method"].as_str().unwrap().parse().unwrap();
        let mut request = match step.who {
            Who::Nobody => self.world.api().nobody(method, &path),
            Who::Client => self.world.api().request(method, &path),
            Who::User(email) => self.user(email).await.request(method, &path),
        };
        for (name, value) in &step.headers {
            request = request.header(*name, value);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// A user who is logged in, and stays so until [`Self::forget`].
    pub async fn user(&mut self, email: &'static str) -> Api {
        if let Some(api) = self.users.get(email) {
            return api.clone();
        }
        let api = self.world.api().login(email).await;
        self.users.insert(email, api.clone());
        api
    }

    /// Lets a user log in anew the next time.
    pub fn forget(&mut self, email: &str) {
        self.users.remove(email);
    }
}

/// The documented answer and ours, with what the server chooses made equal.
fn alike(step: &Step, mut wanted: Value, mut got: Value) -> (String, String) {
    for (pointer, value) in &step.wanted {
        *wanted.pointer_mut(pointer).expect("a documented value") = value.clone();
    }
    for pointer in &step.free {
        for side in [&mut wanted, &mut got] {
            if let Some(value) = side.pointer_mut(pointer) {
                *value = kind(value).into();
            }
        }
    }
    (wanted.to_string(), got.to_string())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "<null>",
        Value::Bool(_) => "<boolean>",
        Value::Number(_) => "<number>",
        Value::String(_) => "<text>",
        Value::Array(_) => "<array>",
        Value::Object(_) => "<object>",
    }
}

async fn documented_examples_come_out(mode: Mode) {
    let mut replay = Replay::start(mode).await;
    platform::run(&mut replay).await;
    people::run(&mut replay).await;
    channels::run(&mut replay).await;
    incidents::run(&mut replay).await;
    for (place, operation) in replay.documented.iter().enumerate() {
        for nth in 0..operation["responses"].as_array().unwrap().len() {
            if !replay.done.contains(&(place, nth)) {
                let missing = format!("{}, answer {nth}: no script asks for it", operation["id"]);
                replay.failures.push(missing);
            }
        }
    }
    let failures = &replay.failures;
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_examples_come_out_of_the_whole_system() {
    documented_examples_come_out(Mode::Together).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_examples_come_out_of_two_replicas_in_turn() {
    documented_examples_come_out(Mode::Replicated).await;
}
