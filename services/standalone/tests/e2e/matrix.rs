//! Who may do what: every operation, asked by every kind of API client and user,
//! about things of the own company and of another one.
//!
//! `rules` is the table. What has to come of a request follows from its row, from
//! the credentials that the route demands, and from whose companies the API client
//! and the user share. Refused requests must leave everything as it was; an
//! operation without a row fails the test.

mod callers;
mod rules;
mod things;

use std::{collections::BTreeMap, time::Duration};

use auth::{Authority, Role};
use edge::table::{self, Credentials, Operation};
use serde_json::Value;

use crate::world::{Mode, World};
use callers::Caller;
use rules::{About, Ask, RULES, Reach, Rule};
use things::{Side, Things};

/// Every request comes from an address of its own, so that no limit on guessing
/// answers in place of the rights.
const BEHIND_A_PROXY: &str = "
[edge]
trusted_proxies = [\"127.0.0.0/8\"]
";

/// What has to come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A success.
    Done,
    /// This status, and nothing changed.
    Status(u16),
    /// Some refusal, or a success that shows and changes nothing: the API client
    /// and the user have no company in common.
    Nothing,
}

/// A request to make, and what has to come of it.
struct Cell {
    caller: usize,
    side: Side,
    wanted: Outcome,
}

struct Matrix {
    world: World,
    callers: Vec<Caller>,
    things: [Things; 2],
    http: reqwest::Client,
    failures: Vec<String>,
    /// How many requests had to end in which way.
    counts: BTreeMap<String, usize>,
    asked: u32,
}

impl Matrix {
    async fn start() -> Self {
        let world = World::start_configured(Mode::Together, BEHIND_A_PROXY).await;
        let callers = callers::everybody(&world).await;
        let things = things::of_both_companies(&world, &callers).await;
        Self {
            world,
            callers,
            things,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
            failures: Vec::new(),
            counts: BTreeMap::new(),
            asked: 0,
        }
    }

    fn things(&self, side: Side, caller: &Caller) -> Things {
        match (side, caller.user) {
            (Side::Abroad, _) => self.things[1].clone(),
            (Side::Oneself, Some(user)) => self.things[0].about(user),
            (Side::Home | Side::Oneself, _) => self.things[0].clone(),
        }
    }

    /// Every request that a row stands for: the refused ones first, between two
    /// looks at the database.
    async fn walk(&mut self, operation: &Operation, rule: &Rule) {
        let cells = self.cells(operation, rule);
        let (done, refused): (Vec<_>, Vec<_>) = cells
            .into_iter()
            .partition(|cell| cell.wanted == Outcome::Done);
        let before = things::fingerprint(&self.world.database).await;
        for cell in &refused {
            self.ask(operation, rule, cell).await;
        }
        if things::fingerprint(&self.world.database).await != before {
            let failure = format!("{}: a refused request changed something", operation.id());
            self.failures.push(failure);
        }
        for cell in &done {
            self.ask(operation, rule, cell).await;
        }
    }

    fn cells(&self, operation: &Operation, rule: &Rule) -> Vec<Cell> {
        let sides = rule.about.sides();
        let mut cells = Vec::new();
        for (place, caller) in self.callers.iter().enumerate() {
            for &side in sides {
                if let Some(wanted) = wanted(operation, rule, caller, side) {
                    cells.push(Cell {
                        caller: place,
                        side,
                        wanted,
                    });
                }
            }
        }
        cells
    }

    async fn ask(&mut self, operation: &Operation, rule: &Rule, cell: &Cell) {
        let caller = &self.callers[cell.caller];
        let things = self.things(cell.side, caller);
        let made = if cell.wanted == Outcome::Done || rule.prepared.is_always() {
            rule.prepared.run(&self.world, &things).await
        } else {
            String::new()
        };
        let ask = (rule.ask)(&things, caller, &made);
        self.asked += 1;
        let (status, text) = self.send(operation, caller, ask).await;
        let name = format!(
            "{} by {} about {:?}",
            operation.id(),
            caller.name,
            cell.side
        );
        *self.counts.entry(format!("{:?}", cell.wanted)).or_default() += 1;
        let right = match cell.wanted {
            Outcome::Done => (200..300).contains(&status),
            Outcome::Status(wanted) => status == wanted,
            Outcome::Nothing => status < 500,
        };
        if !right {
            let short: String = text.chars().take(300).collect();
            self.failures.push(format!(
                "{name}: {status} instead of {:?}: {short}",
                cell.wanted
            ));
        }
        if let Some(told) = self.leak(rule, caller, cell, &text) {
            self.failures.push(format!("{name}: {told}"));
        }
        if rule.ends_the_session {
            self.callers[cell.caller].log_in_anew(&self.world).await;
        }
    }

    /// What a list tells that it must not, or does not tell that it should.
    fn leak(&self, rule: &Rule, caller: &Caller, cell: &Cell, text: &str) -> Option<String> {
        let (About::List(mark) | About::Filtered(mark)) = rule.about else {
            return None;
        };
        let filtered = matches!(rule.about, About::Filtered(_));
        for (side, things) in [Side::Home, Side::Abroad].into_iter().zip(&self.things) {
            let shown = cell.wanted == Outcome::Done
                && reaches(rule, caller, side)
                && (!filtered || side == cell.side);
            let mark = mark(things);
            if text.contains(&mark) != shown {
                return Some(format!("{mark} is shown: {}", !shown));
            }
        }
        None
    }

    async fn send(&self, operation: &Operation, caller: &Caller, ask: Ask) -> (u16, String) {
        let mut path = operation.path.replace("{id?}", "{id}");
        if let Some((name, value)) = ask.path {
            path = path.replace(name, &value);
        }
        let [_, second, third, fourth] = self.asked.to_be_bytes();
        let url = format!("{}{path}", self.world.url());
        let method = operation.verb.name().parse().unwrap();
        let mut request = caller
            .sign(self.http.request(method, url))
            .header("X-Forwarded-For", format!("10.{second}.{third}.{fourth}"));
        if ask.body != Value::Null {
            request = request.json(&ask.body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.text().await.unwrap_or_default())
    }
}

/// What has to come of an operation about something of a company; nothing where the
/// row has no opinion.
fn wanted(operation: &Operation, rule: &Rule, caller: &Caller, side: Side) -> Option<Outcome> {
    if let About::Everybody(status) = rule.about {
        let plain = caller.client.is_none() && !caller.flawed;
        return plain.then_some(outcome(status));
    }
    if let Some(refused) = unknown(operation.credentials, caller) {
        return Some(refused);
    }
    let company = side.company();
    if matches!(rule.about, About::Account(_)) {
        // The ways in are about whom they let in, not about who asks.
        let bound = matches!(caller.client, Some((Authority::Company, own)) if own != company);
        let answered = if bound {
            rule.about.hidden()
        } else {
            Outcome::Done
        };
        return caller.user.is_none().then_some(answered);
    }
    let alone;
    let caller = match operation.credentials {
        Credentials::Bearer => {
            alone = caller.without_client();
            &alone
        }
        _ => caller,
    };
    if caller.nowhere() {
        return Some(Outcome::Nothing);
    }
    if side == Side::Oneself && caller.user.is_none_or(|user| user.role != Role::Chat) {
        return None;
    }
    match rule.reach_of(caller) {
        Reach::Nobody => Some(Outcome::Status(403)),
        Reach::Alone if caller.user.is_some_and(|user| user.role != Role::Super) => {
            Some(Outcome::Status(403))
        }
        _ if rule.about.is_one() && !reaches(rule, caller, side) => Some(rule.about.hidden()),
        _ => Some(Outcome::Done),
    }
}

/// Whether a thing is within reach of somebody who may do such a thing at all.
fn reaches(rule: &Rule, caller: &Caller, side: Side) -> bool {
    let company = side.company();
    match rule.reach_of(caller) {
        Reach::Nobody => false,
        Reach::Themselves => side == Side::Oneself,
        Reach::Company => caller.home() == Some(company) && caller.reaches(company),
        Reach::Everybody | Reach::Alone => caller.reaches(company),
    }
}

fn outcome(status: u16) -> Outcome {
    match status {
        200 => Outcome::Done,
        refused => Outcome::Status(refused),
    }
}

/// The refusal of credentials that the route does not take.
fn unknown(demanded: Credentials, caller: &Caller) -> Option<Outcome> {
    let alone = caller.user.is_none();
    let refused = match demanded {
        _ if caller.flawed => true,
        Credentials::Bearer => alone,
        Credentials::Legacy if caller.client.is_none() => return Some(Outcome::Status(404)),
        _ if caller.client.is_none() => true,
        Credentials::ClientAndUser => alone,
        Credentials::Client | Credentials::Legacy => {
            alone && matches!(caller.client, Some((Authority::Delegated, _)))
        }
        Credentials::Public | Credentials::SignIn => false,
    };
    refused.then_some(Outcome::Status(401))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_by_everybody_about_both_companies() {
    let mut matrix = Matrix::start().await;
    for operation in table::operations() {
        let id = operation.id();
        match RULES.iter().find(|rule| rule.id == id) {
            Some(rule) => matrix.walk(operation, rule).await,
            None => matrix.failures.push(format!("{id}: no row says who may")),
        }
    }
    let failures = &matrix.failures;
    assert!(
        failures.is_empty(),
        "{} failures of {:?}:\n{}",
        failures.len(),
        matrix.counts,
        failures.join("\n")
    );
}
