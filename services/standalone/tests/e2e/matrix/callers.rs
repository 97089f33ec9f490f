//! Everybody who may call: every kind of API client, alone and with every type of
//! user, and those whose credentials are wrong.

use std::process::Command;

use auth::{Authority, Role};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::world::{World, binary};

/// A user who logs in.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub id: i64,
    pub company: i64,
    pub role: Role,
    pub email: &'static str,
}

const SUPER: Person = Person {
    id: 1,
    company: 3,
    role: Role::Super,
    email: "super@atencion.test",
};
const ADMIN: Person = Person {
    id: 2,
    company: 3,
    role: Role::Admin,
    email: "admin@atencion.test",
};
const AGENT: Person = Person {
    id: 7,
    company: 3,
    role: Role::Chat,
    email: "agente1@atencion.test",
};
const OTHER_ADMIN: Person = Person {
    id: 16,
    company: 4,
    role: Role::Admin,
    email: "admin@otra.test",
};

/// Somebody with credentials.
#[derive(Clone)]
pub struct Caller {
    pub name: String,
    /// A device of its own, for PINs.
    pub device: usize,
    pub client: Option<(Authority, i64)>,
    pub user: Option<Person>,
    /// Whether the secret or the token is wrong.
    pub flawed: bool,
    credentials: Option<(String, String)>,
    token: Option<String>,
}

impl Caller {
    /// The rights that API client and user have in common.
    pub fn rank(&self) -> Role {
        let of_user = self.user.map(|user| user.role);
        match (self.client, of_user) {
            (Some((Authority::Company, _)), None | Some(Role::Super)) => Role::Admin,
            (_, Some(role)) => role,
            (_, None) => Role::Super,
        }
    }

    /// The company of what names none: that of the user, else of the client.
    pub fn home(&self) -> Option<i64> {
        let of_client = self.client.map(|(_, company)| company);
        self.user.map(|user| user.company).or(of_client)
    }

    /// Whether it is the client of a company, alone.
    pub fn keeps(&self, company: i64) -> bool {
        let alone = self.user.is_none() && !self.flawed;
        alone && self.client == Some((Authority::Company, company))
    }

    /// The user by itself, on routes that look at no API client.
    pub fn without_client(&self) -> Self {
        Self {
            client: None,
            ..self.clone()
        }
    }

    /// Whether things of a company are within reach.
    pub fn reaches(&self, company: i64) -> bool {
        let of_client = match self.client {
            Some((Authority::Company, own)) => own == company,
            _ => true,
        };
        let of_user = self
            .user
            .is_none_or(|user| user.role == Role::Super || user.company == company);
        of_client && of_user
    }

    /// Whether API client and user have no company in common.
    pub fn nowhere(&self) -> bool {
        !self.reaches(3) && !self.reaches(4)
    }

    /// The request with the credentials.
    pub fn sign(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some((consumo, secret)) = &self.credentials {
            request = request
                .header("X-User-Consumo", consumo)
                .header("X-User-Secret", secret);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Gives the user a session of its own again.
    pub async fn log_in_anew(&mut self, world: &World) {
        if let Some(user) = self.user
            && !self.flawed
        {
            self.token = Some(world.api().login(user.email).await.token().to_owned());
        }
    }
}

/// All of them. The clients are made as an operator makes them, with every extra
/// right, so that only their authority differs.
pub async fn everybody(world: &World) -> Vec<Caller> {
    use Authority::{Company, Delegated, Platform};
    let mut callers = vec![nobody()];
    let platform = client(world, "matriz-plataforma", Platform, 3);
    let bound = client(world, "matriz-empresa", Company, 3);
    let delegated = client(world, "matriz-delegado", Delegated, 3);
    let other = client(world, "matriz-otra", Company, 4);
    let wrong = Caller {
        name: "a client with a wrong secret".to_owned(),
        flawed: true,
        credentials: Some(("matriz-plataforma".to_owned(), "wrong".to_owned())),
        ..nobody()
    };
    callers.push(wrong);
    for client in [&platform, &bound, &delegated] {
        for person in [SUPER, ADMIN, AGENT] {
            callers.push(together(world, client, person).await);
        }
    }
    callers.push(together(world, &bound, OTHER_ADMIN).await);
    callers.push(together(world, &other, AGENT).await);
    let forged = Caller {
        name: "the platform's client with a forged token".to_owned(),
        flawed: true,
        token: Some(forged(world).await),
        ..together(world, &platform, ADMIN).await
    };
    callers.push(forged);
    callers.extend([platform, bound, delegated, other]);
    for (number, caller) in callers.iter_mut().enumerate() {
        caller.device = 1000 + number;
    }
    callers
}

fn nobody() -> Caller {
    Caller {
        name: "nobody".to_owned(),
        device: 0,
        client: None,
        user: None,
        flawed: false,
        credentials: None,
        token: None,
    }
}

fn client(world: &World, consumo: &str, authority: Authority, company: i64) -> Caller {
    let kind = match authority {
        Authority::Platform => "platform",
        Authority::Company => "company",
        Authority::Delegated => "delegated",
    };
    let mut command = Command::new(binary("standalone"));
    command
        .args(["client", "create", consumo, "--authority", kind])
        .args(["--company", &company.to_string()])
        .env_clear()
        .env("ATENCION_CONFIG", world.settings_file());
    for scope in ["crm:read", "adi:admin", "mail:credentials"] {
        command.args(["--scope", scope]);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let secret = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("X-User-Secret:"))
        .unwrap_or_else(|| {
            panic!(
                "no secret: {told}{}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
    Caller {
        name: format!("a {kind} client of company {company}"),
        client: Some((authority, company)),
        credentials: Some((consumo.to_owned(), secret.trim().to_owned())),
        ..nobody()
    }
}

async fn together(world: &World, client: &Caller, person: Person) -> Caller {
    let token = world.api().login(person.email).await.token().to_owned();
    Caller {
        name: format!("{} through {}", person.email, client.name),
        user: Some(person),
        token: Some(token),
        ..client.clone()
    }
}

/// A real token with another signature.
async fn forged(world: &World) -> String {
    let session = world.api().login(ADMIN.email).await;
    let ask = json!({"id_bitacora_log": 1});
    let request = session
        .request(Method::GET, "auth/refreshUserToken")
        .json(&ask);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let token = answer["data"]["token"].as_str().unwrap();
    let middle = token.len() - 20;
    let other = if token.as_bytes()[middle] == b'A' {
        "B"
    } else {
        "A"
    };
    format!("{}{other}{}", &token[..middle], &token[middle + 1..])
}
