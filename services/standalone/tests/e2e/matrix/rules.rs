//! The table: for each operation how far super users, admins and agents reach, what
//! it is about, and what somebody without the right to a thing is told.

mod administration;
mod channels;
mod incidents;
mod marks;
mod people;

use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Outcome,
    callers::Caller,
    outcome,
    things::{PICTURE, SYSTEM, Side, Things},
};
use crate::{revocation::recovery_link, world::World};

/// How far somebody reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To nothing: 403.
    Nobody,
    /// To themselves.
    Themselves,
    /// To the company they are at home in.
    Company,
    /// To every company that API client and user may touch.
    Everybody,
    /// API clients with the extra right, with no user below super beside them.
    Alone,
}

/// Super users and the platform's clients alone.
const SUPER: [Reach; 3] = [Reach::Everybody, Reach::Nobody, Reach::Nobody];

/// Those, and admins and a company's clients within the company.
const ADMINS: [Reach; 3] = [Reach::Everybody, Reach::Everybody, Reach::Nobody];

/// Agents too.
const ALL: [Reach; 3] = [Reach::Everybody; 3];

/// What an operation is about.
#[derive(Clone, Copy)]
pub enum About {
    /// Nothing that belongs to a company.
    Plain,
    /// One thing; this status where it does not exist for the caller.
    Thing(u16),
    /// One user; the same.
    Person(u16),
    /// Whom it lets in; this status for somebody whom the API client does not.
    Account(u16),
    /// A list of what is within reach, in which each company is known by a mark.
    List(fn(&Things) -> String),
    /// The same, asked for one company.
    Filtered(fn(&Things) -> String),
    /// Nobody in particular: it takes no credentials, and answers nobody this.
    Everybody(u16),
}

impl About {
    /// Whose things are asked about.
    pub fn sides(&self) -> &'static [Side] {
        match self {
            Self::Plain | Self::List(_) | Self::Everybody(_) => &[Side::Home],
            Self::Thing(_) | Self::Account(_) | Self::Filtered(_) => &[Side::Home, Side::Abroad],
            Self::Person(_) => &[Side::Home, Side::Abroad, Side::Oneself],
        }
    }

    /// Whether it is one thing, which may not exist for somebody.
    pub fn is_one(&self) -> bool {
        matches!(self, Self::Thing(_) | Self::Person(_))
    }

    /// What is told about a thing that does not exist for the caller.
    pub fn hidden(&self) -> Outcome {
        match *self {
            // A refusal, or the answer that everybody gets, with nothing behind it.
            Self::Account(200) => Outcome::Nothing,
            Self::Thing(status) | Self::Person(status) | Self::Account(status) => {
                Outcome::Status(status)
            }
            Self::Everybody(status) => outcome(status),
            Self::Plain | Self::List(_) | Self::Filtered(_) => Outcome::Done,
        }
    }
}

/// A request: what stands for a parameter of the path, and the body.
pub struct Ask {
    pub path: Option<(&'static str, String)>,
    pub body: Value,
}

/// What has to be there before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    Nothing,
    /// A picture of the user.
    Picture,
    /// A token that hands a user of the company over.
    Handover,
    /// A link to reset the password of the user, for the product.
    Link(&'static str),
    /// A company that may go.
    Company,
}

/// One row.
pub struct Rule {
    pub id: &'static str,
    /// Super users and the platform's clients; admins and a company's; agents.
    pub reach: [Reach; 3],
    pub about: About,
    pub ask: fn(&Things, &Caller, &str) -> Ask,
    pub prepared: Prepared,
    /// Whether the token is good no longer afterwards.
    pub ends_the_session: bool,
}

impl Rule {
    /// How far somebody reaches.
    pub fn reach_of(&self, caller: &Caller) -> Reach {
        let [of_super, of_admin, of_chat] = self.reach;
        match caller.rank() {
            Role::Super => of_super,
            Role::Admin => of_admin,
            Role::Chat => of_chat,
        }
    }

    fn after(mut self, prepared: Prepared) -> Self {
        self.prepared = prepared;
        self
    }

    fn ends_the_session(mut self) -> Self {
        self.ends_the_session = true;
        self
    }
}

type Request = fn(&Things, &Caller, &str) -> Ask;

fn rule(id: &'static str, reach: [Reach; 3], about: About, ask: Request) -> Rule {
    Rule {
        id,
        reach,
        about,
        ask,
        prepared: Prepared::Nothing,
        ends_the_session: false,
    }
}

/// An operation that takes no credentials: what nobody is told.
fn open(id: &'static str, status: u16, ask: Request) -> Rule {
    rule(id, [Reach::Nobody; 3], About::Everybody(status), ask)
}

fn body(body: Value) -> Ask {
    Ask { path: None, body }
}

fn nothing() -> Ask {
    body(Value::Null)
}

fn path(name: &'static str, value: &impl ToString, body: Value) -> Ask {
    let path = Some((name, value.to_string()));
    Ask { path, body }
}

/// A number that was not used before.
fn fresh() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// All rows.
pub static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut rules = administration::rules();
    rules.extend(people::rules());
    rules.extend(channels::rules());
    rules.extend(incidents::rules());
    rules
});

impl Prepared {
    /// Whether it has to be there for a refusal too.
    pub fn is_always(self) -> bool {
        match self {
            Self::Handover | Self::Link(_) => true,
            Self::Nothing | Self::Picture | Self::Company => false,
        }
    }

    /// Makes it; answers what the request has to name.
    pub async fn run(self, world: &World, things: &Things) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Picture => picture(world, things).await,
            Self::Handover => handover(world, things).await,
            Self::Link(product) => recovery_link(world, &things.user_email, product).await,
            Self::Company => company(world).await,
        }
    }
}

async fn picture(world: &World, things: &Things) -> String {
    let path = format!("users/uploadUserPic/{}", things.user);
    let picture = json!({"pic": PICTURE});
    world.api().patch(&path, picture).await.ok();
    String::new()
}

async fn handover(world: &World, things: &Things) -> String {
    let asked = json!({
        "username": "colega", "email": things.user_email, "sistema": SYSTEM,
        "token": things.system_token,
    });
    let request = world.api().nobody(Method::POST, "SSO/ADI/generateToken");
    let answer = things.keeper.sign(request).json(&asked).send().await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    let token = answer["data"]["base64_encoded"].as_str();
    token
        .unwrap_or_else(|| panic!("no token: {answer}"))
        .to_owned()
}

async fn company(world: &World) -> String {
    let number = fresh();
    let company = json!({
        "name": format!("Empresa {number}"), "email": format!("empresa{number}@otra.test"),
        "id_plan": 3, "balance": "0", "pay_day": "2026-12-15", "user_name": "Administrador",
        "user_email": format!("jefe{number}@otra.test"), "password": "Secret123",
    });
    let made = world.api().post("admin/clients/store", company).await;
    assert_eq!(made.status, 201, "{}", made.json);
    made.json["data"]["company"]["id"].to_string()
}
